# SPDX-License-Identifier: Apache-2.0
"""Anthropic's messages, Gemini's generateContent, Cohere's chat and rerank, Ollama's chat."""

import json

from canaries import NUMBER
from dialects import USAGE, Decision, text_of
from said import SAID

MODEL = "interop-7b"


def messages(request):
    """Anthropic."""
    tools = [(tool["name"], tool.get("input_schema")) for tool in request.get("tools") or []]
    last = request["messages"][-1]["content"]
    answered = not isinstance(last, str) and any(b.get("type") == "tool_result" for b in last)
    decision = Decision(tools, answered, text_of(request["messages"]))
    content = [{"type": "thinking", "thinking": SAID["reasoning"], "signature": "c2lnbmF0dXJl"},
               {"type": "text", "text": decision.text}]
    if decision.tool:
        content.append({"type": "tool_use", "id": "toolu-1", "name": decision.tool,
                        "input": decision.arguments})
    return {"id": "msg-1", "type": "message", "role": "assistant", "model": MODEL,
            "content": content, "stop_reason": "tool_use" if decision.tool else "end_turn",
            "stop_sequence": None, "usage": {
                "input_tokens": USAGE["input"], "output_tokens": USAGE["output"],
                "cache_read_input_tokens": USAGE["cached"], "cache_creation_input_tokens": 3}}


def message_pieces(request):
    whole = messages(request)
    yield {"type": "message_start", "message": {
        **whole, "content": [], "stop_reason": None, "usage": {**whole["usage"], "output_tokens": 1}}}
    for index, block in enumerate(whole["content"]):
        begin, delta = {
            "thinking": ({"type": "thinking", "thinking": "", "signature": ""},
                         {"type": "thinking_delta", "thinking": block.get("thinking")}),
            "text": ({"type": "text", "text": ""},
                     {"type": "text_delta", "text": SAID["streamed"] + block.get("text", "")}),
            "tool_use": ({**block, "input": {}}, {
                "type": "input_json_delta", "partial_json": json.dumps(block.get("input"))}),
        }[block["type"]]
        yield {"type": "content_block_start", "index": index, "content_block": begin}
        yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    yield {"type": "message_delta", "usage": {"output_tokens": USAGE["output"]},
           "delta": {"stop_reason": whole["stop_reason"], "stop_sequence": None}}
    yield {"type": "message_stop"}


def generate_content(request):
    """Gemini."""
    tools = [(one["name"], one.get("parameters") or one.get("parametersJsonSchema") or
              one.get("parameters_json_schema"))
             for tool in request.get("tools") or []
             for one in tool.get("functionDeclarations") or []]
    parts = request["contents"][-1]["parts"]
    decision = Decision(tools, any("functionResponse" in part for part in parts),
                        text_of(request["contents"]))
    parts = [{"text": SAID["reasoning"], "thought": True}, {"text": decision.text}]
    if decision.tool:
        parts.append({"functionCall": {"name": decision.tool, "args": decision.arguments}})
    return {"responseId": "gem-1", "modelVersion": MODEL,
            "candidates": [{"index": 0, "finishReason": "STOP",
                            "content": {"role": "model", "parts": parts}}],
            "usageMetadata": {"promptTokenCount": USAGE["input"],
                              "candidatesTokenCount": USAGE["output"] - USAGE["reasoning"],
                              "thoughtsTokenCount": USAGE["reasoning"],
                              "cachedContentTokenCount": USAGE["cached"],
                              "totalTokenCount": USAGE["total"]}}


def content_pieces(request):
    whole = generate_content(request)
    first = {"role": "model", "parts": [{"text": SAID["streamed"]}]}
    yield {"responseId": "gem-1", "modelVersion": MODEL,
           "candidates": [{"index": 0, "content": first}]}
    yield whole


def batch_embed(request):
    return {"embeddings": [{"values": [NUMBER, -NUMBER]} for _ in request["requests"]]}


def cohere_chat(request):
    tools = [(tool["function"]["name"], tool["function"].get("parameters"))
             for tool in request.get("tools") or []]
    decision = Decision(tools, request["messages"][-1]["role"] == "tool")
    message = {"role": "assistant", "content": [{"type": "text", "text": decision.text}]}
    if decision.tool:
        message["tool_plan"] = SAID["reasoning"]
        message["tool_calls"] = [{"id": "call-1", "type": "function", "function": {
            "name": decision.tool, "arguments": json.dumps(decision.arguments)}}]
    tokens = {"input_tokens": USAGE["input"], "output_tokens": USAGE["output"]}
    return {"id": "co-1", "message": message,
            "finish_reason": "TOOL_CALL" if decision.tool else "COMPLETE",
            "usage": {"billed_units": tokens, "tokens": tokens}}


def rerank(request):
    return {"id": "rr-1", "results": [{"index": i, "relevance_score": 0.75}
                                      for i in range(len(request["documents"]))],
            "meta": {"api_version": {"version": "2"}, "billed_units": {"search_units": 1}}}


def ollama_chat(request):
    tools = [(tool["function"]["name"], tool["function"].get("parameters"))
             for tool in request.get("tools") or []]
    decision = Decision(tools, request["messages"][-1]["role"] == "tool")
    message = {"role": "assistant", "content": decision.text, "thinking": SAID["reasoning"]}
    if decision.tool:
        message["tool_calls"] = [{"function": {"name": decision.tool,
                                               "arguments": decision.arguments}}]
    return {"model": MODEL, "created_at": "2026-01-01T00:00:00Z", "message": message, "done": True,
            "done_reason": "stop", "total_duration": 9, "load_duration": 1, "eval_duration": 5,
            "prompt_eval_duration": 3, "prompt_eval_count": USAGE["input"],
            "eval_count": USAGE["output"]}


ANSWERS = {
    "/v1/messages": (messages, message_pieces),
    ":generateContent": (generate_content, None),
    ":streamGenerateContent": (None, content_pieces),
    ":batchEmbedContents": (batch_embed, None),
    "/v2/chat": (cohere_chat, None),
    "/v2/rerank": (rerank, None),
    "/v1/rerank": (rerank, None),
    "/api/chat": (ollama_chat, None),
}
