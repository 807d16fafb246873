# SPDX-License-Identifier: Apache-2.0
"""LangChain under OpenLLMetry."""

from opentelemetry.instrumentation.langchain import LangchainInstrumentor

from telemetry import provider

LangchainInstrumentor().instrument(tracer_provider=provider())

import langchain_calls  # noqa: E402: after the instrumentation

langchain_calls.call()
