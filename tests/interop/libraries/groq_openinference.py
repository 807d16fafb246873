# SPDX-License-Identifier: Apache-2.0
"""Groq's client under OpenInference."""

from openinference.instrumentation.groq import GroqInstrumentor

from telemetry import BASE, SAID, provider

GroqInstrumentor().instrument(tracer_provider=provider())

import groq  # noqa: E402: after the instrumentation

from openai_calls import MESSAGES, MODEL, TOOLS  # noqa: E402

client = groq.Groq(base_url=BASE, api_key=SAID["api-key"], max_retries=0)
common = {"model": MODEL, "messages": MESSAGES, "tools": TOOLS, "temperature": 0.5,
          "user": SAID["user"]}
client.chat.completions.create(**common)
for _ in client.chat.completions.create(**common, stream=True):
    pass
