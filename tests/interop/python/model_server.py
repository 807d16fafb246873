# SPDX-License-Identifier: Apache-2.0
"""A stand-in for the model servers of the common dialects: it answers as dialects.py decides, and
with an error that quotes the prompt where the model is called BROKEN."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import dialect_openai
import dialect_others
from said import SAID
from sink import LOOPBACK

MODEL = dialect_openai.MODEL
BROKEN = "broken-7b"  # answers with an error
ANSWERS = {**dialect_openai.ANSWERS, **dialect_others.ANSWERS}


class ModelServer:
    """Listens from construction to close()."""

    def __init__(self):
        self._server = ThreadingHTTPServer((LOOPBACK, 0), _Handler)
        self._server.daemon_threads = True
        self.base = f"http://{LOOPBACK}:{self._server.server_port}"
        self.url = self.base + "/v1"  # where OpenAI's clients begin
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        path = self.path.split("?")[0]
        whole, pieces = next((answers for end, answers in ANSWERS.items() if path.endswith(end)),
                             (None, None))
        if not whole and not pieces:
            return self._answer(404, {"error": {"message": "no such path"}})
        request = json.loads(body)
        if BROKEN in (request.get("model"), path.split("/")[-1].split(":")[0]):
            self._answer(400, {"type": "error", "error": {
                "message": SAID["error"], "type": "invalid_request_error", "code": 400,
                "status": "INVALID_ARGUMENT"}})
        elif pieces and (request.get("stream") or not whole):
            self._stream(list(pieces(request)))
        else:
            self._answer(200, whole(request))

    def do_GET(self):
        self._answer(404, {"error": {"message": "no such path"}})

    def _stream(self, pieces):
        """Server-sent events; those that have a type are named after it."""
        events = "".join((f"event: {piece['type']}\n" if "type" in piece else "") +
                         f"data: {json.dumps(piece)}\n\n" for piece in pieces)
        self._send(200, "text/event-stream",
                   events + ("data: [DONE]\n\n" if "choices" in pieces[0] else ""))

    def _answer(self, status, value):
        self._send(status, "application/json", json.dumps(value))

    def _send(self, status, kind, text):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass
