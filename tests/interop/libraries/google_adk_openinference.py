# SPDX-License-Identifier: Apache-2.0
"""An agent of Google's ADK under OpenInference."""

import asyncio
import os

from openinference.instrumentation.google_adk import GoogleADKInstrumentor

from telemetry import BASE, SAID, provider

os.environ.update({"GOOGLE_API_KEY": SAID["api-key"], "GOOGLE_GEMINI_BASE_URL": BASE,
                   "GOOGLE_GENAI_USE_VERTEXAI": "false"})
GoogleADKInstrumentor().instrument(tracer_provider=provider())

import adk_calls  # noqa: E402: after the instrumentation

asyncio.run(adk_calls.call())
