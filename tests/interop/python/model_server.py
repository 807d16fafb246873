# SPDX-License-Identifier: Apache-2.0
"""A stand-in for a model server with OpenAI's API: chat completions, whole and streamed, responses,
each with a tool call; embeddings, and errors that quote the prompt."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from canaries import NUMBER, WORDS
from sink import LOOPBACK

MODEL = "interop-7b"
BROKEN = "broken-7b"  # answers with an error
USAGE = {"prompt_tokens": 4711, "completion_tokens": 815, "total_tokens": 5526}

TOOL_CALL = {"id": "call-1", "type": "function", "function": {
    "name": "look_up", "arguments": json.dumps({"query": WORDS["arguments"]})}}


def completion(_):
    message = {"role": "assistant", "content": f"It is {WORDS['completion']}.",
               "tool_calls": [TOOL_CALL]}
    return {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": MODEL,
            "choices": [{"index": 0, "finish_reason": "tool_calls", "message": message}],
            "usage": USAGE}


def pieces():
    """A streamed completion, usage in the last piece."""
    head = {"id": "chatcmpl-2", "object": "chat.completion.chunk", "created": 1, "model": MODEL}
    call = {"index": 0, **TOOL_CALL}
    for delta in ({"role": "assistant", "content": ""}, {"content": WORDS["streamed"] + " "},
                  {"content": "indeed"}, {"tool_calls": [call]}):
        yield {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
    yield {**head, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    yield {**head, "choices": [], "usage": USAGE}


def response(_):
    text = {"type": "output_text", "text": f"It is {WORDS['completion']}.", "annotations": []}
    call = {"type": "function_call", "id": "fc-1", "call_id": "call-1", **TOOL_CALL["function"]}
    reasoning = {"type": "reasoning", "id": "rs-1", "summary": [
        {"type": "summary_text", "text": WORDS["reasoning"]}]}
    return {"id": "resp-1", "object": "response", "created_at": 1, "model": MODEL,
            "status": "completed", "parallel_tool_calls": True, "tool_choice": "auto", "tools": [],
            "instructions": WORDS["system"], "error": None, "incomplete_details": None,
            "metadata": {}, "output": [reasoning, call, {
                "type": "message", "id": "msg-1", "role": "assistant", "status": "completed",
                "content": [text]}],
            "usage": {"input_tokens": USAGE["prompt_tokens"],
                      "input_tokens_details": {"cached_tokens": 7, "cache_write_tokens": 0},
                      "output_tokens": USAGE["completion_tokens"],
                      "output_tokens_details": {"reasoning_tokens": 9},
                      "total_tokens": USAGE["total_tokens"]}}


def embeddings(_):
    usage = {"prompt_tokens": USAGE["prompt_tokens"], "total_tokens": USAGE["prompt_tokens"]}
    return {"object": "list", "model": MODEL, "usage": usage, "data": [
        {"object": "embedding", "index": 0, "embedding": [NUMBER, -NUMBER]}]}


class ModelServer:
    """Listens from construction to close()."""

    def __init__(self):
        self._server = ThreadingHTTPServer((LOOPBACK, 0), _Handler)
        self._server.daemon_threads = True
        self.url = f"http://{LOOPBACK}:{self._server.server_port}/v1"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    ANSWERS = {"/v1/chat/completions": completion, "/v1/responses": response,
               "/v1/embeddings": embeddings}

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if request["model"] == BROKEN:
            self._answer(400, {"error": {
                "message": f"cannot answer {WORDS['error']}", "type": "invalid_request_error"}})
        elif request.get("stream"):
            lines = [f"data: {json.dumps(piece)}\n\n" for piece in pieces()]
            self._send(200, "text/event-stream", "".join([*lines, "data: [DONE]\n\n"]))
        else:
            self._answer(200, self.ANSWERS[self.path](request))

    def _answer(self, status, value):
        self._send(status, "application/json", json.dumps(value))

    def _send(self, status, kind, text):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass
