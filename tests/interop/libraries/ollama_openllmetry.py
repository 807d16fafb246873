# SPDX-License-Identifier: Apache-2.0
"""Ollama's client under OpenLLMetry."""

from opentelemetry.instrumentation.ollama import OllamaInstrumentor

from telemetry import BASE, MODEL, QUERY, SAID, provider

OllamaInstrumentor().instrument(tracer_provider=provider())

import ollama  # noqa: E402: after the instrumentation

TOOLS = [{"type": "function", "function": {
    "name": "look_up", "description": SAID["tool-description"], "parameters": QUERY}}]
ollama.Client(host=BASE).chat(model=MODEL, tools=TOOLS, options={"temperature": 0.5}, messages=[
    {"role": "system", "content": SAID["system"]}, {"role": "user", "content": SAID["prompt"]}])
