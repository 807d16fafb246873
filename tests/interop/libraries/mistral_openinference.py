# SPDX-License-Identifier: Apache-2.0
"""Mistral's client under OpenInference."""

from openinference.instrumentation.mistralai import MistralAIInstrumentor

from telemetry import BASE, MODEL, SAID, provider

MistralAIInstrumentor().instrument(tracer_provider=provider())

from mistralai.client import Mistral  # noqa: E402: after the instrumentation
from openai_calls import MESSAGES, TOOLS  # noqa: E402

client = Mistral(api_key=SAID["api-key"], server_url=BASE)
common = {"model": MODEL, "messages": MESSAGES, "tools": TOOLS, "temperature": 0.5}
client.chat.complete(**common)
for _ in client.chat.stream(**common):
    pass
