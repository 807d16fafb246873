# SPDX-License-Identifier: Apache-2.0
"""OpenAI's client under OpenLLMetry."""

from opentelemetry.instrumentation.openai import OpenAIInstrumentor

import openai_calls
from telemetry import provider

OpenAIInstrumentor().instrument(tracer_provider=provider())
openai_calls.call(openai_calls.client())
