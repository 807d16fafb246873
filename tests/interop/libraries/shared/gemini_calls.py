# SPDX-License-Identifier: Apache-2.0
"""Calls by Google's client: contents with a tool and an image, the same streamed, an embedding, and
a call that fails."""

import base64

from google import genai
from google.genai import types

from telemetry import BASE, BROKEN, MODEL, QUERY, SAID


def call():
    client = genai.Client(api_key=SAID["api-key"], http_options=types.HttpOptions(base_url=BASE))
    tool = types.Tool(function_declarations=[types.FunctionDeclaration(
        name="look_up", description=SAID["tool-description"], parameters_json_schema=QUERY)])
    config = types.GenerateContentConfig(
        system_instruction=SAID["system"], tools=[tool], temperature=0.5, max_output_tokens=64)
    contents = [
        types.Content(role="user", parts=[
            types.Part(text=SAID["prompt"]),
            types.Part.from_bytes(data=base64.b64decode(SAID["image"].split(",")[1]),
                                  mime_type="image/png")]),
        types.Content(role="model", parts=[types.Part.from_function_call(
            name="look_up", args={"query": SAID["arguments"]})]),
        types.Content(role="user", parts=[types.Part.from_function_response(
            name="look_up", response={"result": SAID["tool-result"]})]),
        types.Content(role="user", parts=[types.Part(text=SAID["prompt"])]),
    ]
    common = {"contents": contents, "config": config}
    client.models.generate_content(model=MODEL, **common)
    for _ in client.models.generate_content_stream(model=MODEL, **common):
        pass
    client.models.embed_content(model=MODEL, contents=[SAID["embedded"]])
    try:
        client.models.generate_content(model=BROKEN, **common)
    except genai.errors.ClientError:
        return
    raise RuntimeError("the call that had to fail did not")
