# SPDX-License-Identifier: Apache-2.0
"""Calls a model with OpenAI's client, instrumented by OpenInference or by OpenLLMetry: a chat with
a tool, the same streamed, a response, an embedding, and a call that fails.

    model_calls.py INSTRUMENTATION MODEL-SERVER OTLP-ENDPOINT
"""

import sys
from contextlib import nullcontext

import exports
import openai
from openinference.instrumentation import using_attributes
from openinference.instrumentation.openai import OpenAIInstrumentor as OpenInference
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.openai import OpenAIInstrumentor as OpenLLMetry
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from canaries import WORDS

MODEL, BROKEN = "interop-7b", "broken-7b"

TOOLS = [{"type": "function", "function": {
    "name": "look_up", "description": f"Looks up {WORDS['tool-description']}.",
    "parameters": {"type": "object", "properties": {"query": {"type": "string"}}}}}]

MESSAGES = [
    {"role": "system", "content": f"You are {WORDS['system']}."},
    {"role": "user", "content": f"What is {WORDS['prompt']}?"},
    {"role": "assistant", "content": None, "tool_calls": [
        {"id": "call-0", "type": "function", "function": {
            "name": "look_up", "arguments": f'{{"query": "{WORDS["arguments"]}"}}'}}]},
    {"role": "tool", "tool_call_id": "call-0", "content": f"Found {WORDS['tool-result']}."},
    {"role": "user", "content": [{"type": "text", "text": f"And {WORDS['prompt']}?"}]},
]


def attributes():
    """What an application adds to the spans of OpenInference."""
    return using_attributes(
        session_id=WORDS["session"], user_id=WORDS["user"], metadata={"note": WORDS["metadata"]},
        tags=[WORDS["tag"]], prompt_template="Answer {question}.", prompt_template_version="v7",
        prompt_template_variables={"question": WORDS["template-variable"]})


def call(client):
    common = {"model": MODEL, "messages": MESSAGES, "tools": TOOLS, "temperature": 0.5,
              "max_tokens": 64, "user": WORDS["user"], "metadata": {"note": WORDS["metadata"]}}
    client.chat.completions.create(**common)
    for _ in client.chat.completions.create(
            **common, stream=True, stream_options={"include_usage": True}):
        pass
    client.responses.create(
        model=MODEL, instructions=f"You are {WORDS['system']}.", input=MESSAGES[:2],
        tools=[{"type": "function", **TOOLS[0]["function"]}], max_output_tokens=64)
    client.embeddings.create(model=MODEL, input=[WORDS["embedded"]], encoding_format="float")
    try:
        client.chat.completions.create(model=BROKEN, messages=MESSAGES)
    except openai.BadRequestError:
        return
    raise RuntimeError("the call that had to fail did not")


def main():
    instrumentation, model_server, endpoint = sys.argv[1:]
    provider = TracerProvider(resource=Resource.create({"service.name": "assistant"}))
    exports.record(provider)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
    instrumentor, around = {"OpenInference": (OpenInference, attributes),
                            "OpenLLMetry": (OpenLLMetry, nullcontext)}[instrumentation]
    instrumentor().instrument(tracer_provider=provider)
    with around():
        call(openai.OpenAI(base_url=model_server, api_key=WORDS["api-key"], max_retries=0))
    provider.shutdown()


if __name__ == "__main__":
    main()
