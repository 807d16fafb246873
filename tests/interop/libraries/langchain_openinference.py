# SPDX-License-Identifier: Apache-2.0
"""LangChain under OpenInference."""

from openinference.instrumentation.langchain import LangChainInstrumentor

from telemetry import provider

LangChainInstrumentor().instrument(tracer_provider=provider())

import langchain_calls  # noqa: E402: after the instrumentation

langchain_calls.call()
