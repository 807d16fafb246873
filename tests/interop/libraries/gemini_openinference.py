# SPDX-License-Identifier: Apache-2.0
"""Google's client for Gemini under OpenInference."""

from openinference.instrumentation.google_genai import GoogleGenAIInstrumentor

import gemini_calls
from telemetry import provider

GoogleGenAIInstrumentor().instrument(tracer_provider=provider())
gemini_calls.call()
