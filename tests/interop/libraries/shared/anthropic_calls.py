# SPDX-License-Identifier: Apache-2.0
"""Calls by Anthropic's client: messages with a tool and an image, the same streamed, and a call
that fails."""

import anthropic

from telemetry import BASE, BROKEN, MODEL, QUERY, SAID

MESSAGES = [
    {"role": "user", "content": SAID["prompt"]},
    {"role": "assistant", "content": [
        {"type": "tool_use", "id": "toolu-0", "name": "look_up",
         "input": {"query": SAID["arguments"]}}]},
    {"role": "user", "content": [
        {"type": "tool_result", "tool_use_id": "toolu-0", "content": SAID["tool-result"]},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png",
                                     "data": SAID["image"].split(",")[1]}},
        {"type": "text", "text": SAID["prompt"]}]},
]


def call():
    client = anthropic.Anthropic(base_url=BASE, api_key=SAID["api-key"], max_retries=0)
    common = {"model": MODEL, "max_tokens": 64, "system": SAID["system"], "messages": MESSAGES,
              "metadata": {"user_id": SAID["user"]},
              "tools": [{"name": "look_up", "description": SAID["tool-description"],
                         "input_schema": QUERY}]}
    client.messages.create(**common)
    for _ in client.messages.create(**common, stream=True):
        pass
    with client.messages.stream(**common) as stream:
        stream.get_final_message()
    try:
        client.messages.create(**{**common, "model": BROKEN})
    except anthropic.BadRequestError:
        return
    raise RuntimeError("the call that had to fail did not")
