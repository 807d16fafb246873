# SPDX-License-Identifier: Apache-2.0
"""Anthropic's client under OpenTelemetry's own instrumentation, which captures on demand."""

import os

os.environ.update({"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "span_and_event",
                   "OTEL_SEMCONV_STABILITY_OPT_IN": "gen_ai_latest_experimental"})

from opentelemetry.instrumentation.genai.anthropic import AnthropicInstrumentor  # noqa: E402: after the settings

import anthropic_calls  # noqa: E402
from telemetry import provider  # noqa: E402

AnthropicInstrumentor().instrument(tracer_provider=provider())
anthropic_calls.call()
