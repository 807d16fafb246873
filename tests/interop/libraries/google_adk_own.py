# SPDX-License-Identifier: Apache-2.0
"""An agent of Google's ADK, which traces by itself."""

import asyncio
import os

from telemetry import BASE, SAID, provider

os.environ.update({"GOOGLE_API_KEY": SAID["api-key"], "GOOGLE_GEMINI_BASE_URL": BASE,
                   "GOOGLE_GENAI_USE_VERTEXAI": "false",
                   "ADK_CAPTURE_MESSAGE_CONTENT_IN_SPANS": "true",
                   "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "span_and_event",
                   "OTEL_SEMCONV_STABILITY_OPT_IN": "gen_ai_latest_experimental"})
tracing = provider()

import adk_calls  # noqa: E402: after the settings

asyncio.run(adk_calls.call())
