# SPDX-License-Identifier: Apache-2.0
"""A backend that keeps the bytes that it is sent, whatever they say: any method of gRPC, and any POST
over HTTP to a path of traces. Compression is undone, nothing is decoded."""

import gzip
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import grpc

LOOPBACK = "127.0.0.1"


class _AnyMethod(grpc.GenericRpcHandler):
    def __init__(self, keep):
        self._keep = keep

    def service(self, handler_call_details):
        def take(body, _):
            self._keep(body)
            return b""  # an empty message of any type

        return grpc.unary_unary_rpc_method_handler(take)  # bytes in, bytes out


class ByteSink:
    """Both servers run from construction to close()."""

    def __init__(self):
        self._lock = threading.Lock()
        self.bodies = []  # in order of arrival
        self._grpc = grpc.server(ThreadPoolExecutor(max_workers=4))
        self._grpc.add_generic_rpc_handlers((_AnyMethod(self.keep),))
        self.grpc_port = self._grpc.add_insecure_port(f"{LOOPBACK}:0")
        self._grpc.start()
        handler = type("Handler", (_HttpHandler,), {"keep": self.keep})
        self._http = ThreadingHTTPServer((LOOPBACK, 0), handler)
        self._http.daemon_threads = True
        self.http_port = self._http.server_port
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    def keep(self, body):
        with self._lock:
            self.bodies.append(body)

    def close(self):
        self._grpc.stop(grace=0).wait()
        self._http.shutdown()
        self._http.server_close()


class _HttpHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    keep = None  # set in a subclass per sink

    def do_POST(self):
        body = self._body()
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        is_trace = self.path.endswith("/v1/traces")
        if is_trace:
            self.keep(body)
        self.send_response(200 if is_trace else 404)
        self.send_header("Content-Type", self.headers.get("Content-Type", "text/plain"))
        answer = b"{}" if "json" in self.headers.get("Content-Type", "") else b""
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def _body(self):
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers["Content-Length"]))
        chunks = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def log_message(self, *_):
        pass
