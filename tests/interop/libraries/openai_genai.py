# SPDX-License-Identifier: Apache-2.0
"""OpenAI's client under OpenTelemetry's own instrumentation, which captures on demand."""

import os

os.environ.update({"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "span_and_event",
                   "OTEL_SEMCONV_STABILITY_OPT_IN": "gen_ai_latest_experimental"})

from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor  # noqa: E402: after the settings

import openai_calls  # noqa: E402
from telemetry import provider  # noqa: E402

OpenAIInstrumentor().instrument(tracer_provider=provider())
openai_calls.call(openai_calls.client())
