# SPDX-License-Identifier: Apache-2.0
"""LlamaIndex under OpenLLMetry."""

from opentelemetry.instrumentation.llamaindex import LlamaIndexInstrumentor

from telemetry import provider

LlamaIndexInstrumentor().instrument(tracer_provider=provider())

import llama_index_calls  # noqa: E402: after the instrumentation

llama_index_calls.call()
