# SPDX-License-Identifier: Apache-2.0
"""Anthropic's client under OpenInference."""

from openinference.instrumentation.anthropic import AnthropicInstrumentor

import anthropic_calls
from telemetry import provider

AnthropicInstrumentor().instrument(tracer_provider=provider())
anthropic_calls.call()
