# SPDX-License-Identifier: Apache-2.0
"""LiteLLM under OpenInference."""

from openinference.instrumentation.litellm import LiteLLMInstrumentor

from telemetry import provider

LiteLLMInstrumentor().instrument(tracer_provider=provider())

import litellm_calls  # noqa: E402: after the instrumentation

litellm_calls.call()
