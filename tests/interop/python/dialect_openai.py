# SPDX-License-Identifier: Apache-2.0
"""OpenAI's API, which most others speak too: chat completions and responses, whole and streamed;
embeddings."""

import base64
import json
import struct

from canaries import NUMBER
from dialects import USAGE, Decision, text_of
from said import SAID

MODEL = "interop-7b"
CHAT_USAGE = {"prompt_tokens": USAGE["input"], "completion_tokens": USAGE["output"],
              "total_tokens": USAGE["total"],
              "prompt_tokens_details": {"cached_tokens": USAGE["cached"]},
              "completion_tokens_details": {"reasoning_tokens": USAGE["reasoning"]}}


def _chat_decision(request):
    tools = [(tool["function"]["name"], tool["function"].get("parameters"))
             for tool in request.get("tools") or []]
    messages = request["messages"]
    schema = (request.get("response_format") or {}).get("json_schema", {}).get("schema")
    return Decision(tools, messages[-1]["role"] == "tool",
                    " ".join(text_of(m.get("content")) for m in messages), schema)


def _call(decision):
    return {"id": "call-1", "type": "function", "function": {
        "name": decision.tool, "arguments": json.dumps(decision.arguments)}}


def completion(request):
    decision = _chat_decision(request)
    message = {"role": "assistant", "content": decision.text}
    if decision.tool:
        message["tool_calls"] = [_call(decision)]
    reason = "tool_calls" if decision.tool else "stop"
    return {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": MODEL,
            "system_fingerprint": "fp_7f3a", "service_tier": "default",
            "choices": [{"index": 0, "finish_reason": reason, "message": message}],
            "usage": CHAT_USAGE}


def completion_pieces(request):
    """A streamed completion, usage in the last piece."""
    decision = _chat_decision(request)
    head = {"id": "chatcmpl-2", "object": "chat.completion.chunk", "created": 1, "model": MODEL}
    deltas = [{"role": "assistant", "content": ""}, {"content": SAID["streamed"]},
              {"content": decision.text}]
    if decision.tool:
        deltas.append({"tool_calls": [{"index": 0, **_call(decision)}]})
    for delta in deltas:
        yield {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
    reason = "tool_calls" if decision.tool else "stop"
    yield {**head, "choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}
    yield {**head, "choices": [], "usage": CHAT_USAGE}


def response(request):
    said = request.get("input")
    said = [{"role": "user", "content": said}] if isinstance(said, str) else said
    tools = [(tool["name"], tool.get("parameters")) for tool in request.get("tools") or []
             if tool.get("type") == "function"]
    form = (request.get("text") or {}).get("format") or {}
    decision = Decision(tools, said[-1].get("type") == "function_call_output",
                        text_of(said), form.get("schema"))
    output = [{"type": "reasoning", "id": "rs-1", "summary": [
        {"type": "summary_text", "text": SAID["reasoning"]}]}]
    if decision.tool:
        output.append({"type": "function_call", "id": "fc-1", "call_id": "call-1",
                       "status": "completed", "name": decision.tool,
                       "arguments": json.dumps(decision.arguments)})
    output.append({"type": "message", "id": "msg-1", "role": "assistant", "status": "completed",
                   "content": [{"type": "output_text", "text": decision.text, "annotations": []}]})
    return {"id": "resp-1", "object": "response", "created_at": 1, "model": MODEL,
            "status": "completed", "parallel_tool_calls": True, "tool_choice": "auto", "tools": [],
            "instructions": SAID["system"], "error": None, "incomplete_details": None,
            "metadata": {}, "output": output,
            "usage": {"input_tokens": USAGE["input"],
                      "input_tokens_details": {"cached_tokens": USAGE["cached"],
                                               "cache_write_tokens": 0},
                      "output_tokens": USAGE["output"],
                      "output_tokens_details": {"reasoning_tokens": USAGE["reasoning"]},
                      "total_tokens": USAGE["total"]}}


def response_pieces(request):
    whole = response(request)
    yield {"type": "response.created", "sequence_number": 0,
           "response": {**whole, "status": "in_progress", "output": [], "usage": None}}
    number = 1
    for index, item in enumerate(whole["output"]):
        for kind in ("added", "done"):
            yield {"type": f"response.output_item.{kind}", "sequence_number": number,
                   "output_index": index, "item": item}
            number += 1
    yield {"type": "response.completed", "sequence_number": number, "response": whole}


def embeddings(request):
    vector = [NUMBER, -NUMBER]
    if request.get("encoding_format") == "base64":
        vector = base64.b64encode(struct.pack("<2f", *vector)).decode()
    texts = request["input"] if isinstance(request["input"], list) else [request["input"]]
    usage = {"prompt_tokens": USAGE["input"], "total_tokens": USAGE["input"]}
    return {"object": "list", "model": MODEL, "usage": usage, "data": [
        {"object": "embedding", "index": i, "embedding": vector} for i in range(len(texts))]}


# The end of a path -> answers whole, and in pieces.
ANSWERS = {
    "/chat/completions": (completion, completion_pieces),
    "/responses": (response, response_pieces),
    "/embeddings": (embeddings, None),
}
