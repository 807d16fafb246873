# SPDX-License-Identifier: Apache-2.0
"""Google's client for Gemini under OpenTelemetry's own instrumentation, which captures on demand."""

import os

os.environ.update({"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "span_and_event",
                   "OTEL_SEMCONV_STABILITY_OPT_IN": "gen_ai_latest_experimental"})

from opentelemetry.instrumentation.google_genai import GoogleGenAiSdkInstrumentor  # noqa: E402: after the settings

import gemini_calls  # noqa: E402
from telemetry import provider  # noqa: E402

GoogleGenAiSdkInstrumentor().instrument(tracer_provider=provider())
gemini_calls.call()
