# SPDX-License-Identifier: Apache-2.0
"""LlamaIndex under OpenInference."""

from openinference.instrumentation.llama_index import LlamaIndexInstrumentor

from telemetry import provider

LlamaIndexInstrumentor().instrument(tracer_provider=provider())

import llama_index_calls  # noqa: E402: after the instrumentation

llama_index_calls.call()
