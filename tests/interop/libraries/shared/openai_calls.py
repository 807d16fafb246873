# SPDX-License-Identifier: Apache-2.0
"""Calls by OpenAI's client: a chat with a tool and an image, the same streamed, a response, an
embedding, and a call that fails."""

import json

import openai

from telemetry import BROKEN, MODEL, QUERY, SAID, URL

TOOLS = [{"type": "function", "function": {
    "name": "look_up", "description": SAID["tool-description"], "parameters": QUERY}}]

MESSAGES = [
    {"role": "system", "content": SAID["system"]},
    {"role": "user", "content": SAID["prompt"]},
    {"role": "assistant", "content": None, "tool_calls": [
        {"id": "call-0", "type": "function", "function": {
            "name": "look_up", "arguments": json.dumps({"query": SAID["arguments"]})}}]},
    {"role": "tool", "tool_call_id": "call-0", "content": SAID["tool-result"]},
    {"role": "user", "content": [
        {"type": "text", "text": SAID["prompt"]},
        {"type": "image_url", "image_url": {"url": SAID["image"]}}]},
]


def client(**options):
    return openai.OpenAI(base_url=URL, api_key=SAID["api-key"], max_retries=0, **options)


def chats(create):
    """By a function that takes what chat.completions.create does."""
    common = {"model": MODEL, "messages": MESSAGES, "tools": TOOLS, "temperature": 0.5,
              "max_tokens": 64, "user": SAID["user"]}
    create(**common)
    for _ in create(**common, stream=True, stream_options={"include_usage": True}):
        pass
    try:
        create(model=BROKEN, messages=MESSAGES)
    except Exception as error:  # of a type of the library in between
        if SAID["error"] not in str(error):
            raise
        return
    raise RuntimeError("the call that had to fail did not")


def call(one):
    common = {"metadata": {"note": SAID["metadata"]}}
    chats(lambda **options: one.chat.completions.create(**options, **common))
    request = {"model": MODEL, "instructions": SAID["system"], "input": MESSAGES[:2],
               "tools": [{"type": "function", **TOOLS[0]["function"]}], "max_output_tokens": 64}
    one.responses.create(**request)
    for _ in one.responses.create(**request, stream=True):
        pass
    one.embeddings.create(model=MODEL, input=[SAID["embedded"]], encoding_format="float")
