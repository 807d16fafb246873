# SPDX-License-Identifier: Apache-2.0
"""A backend that keeps what it is sent: OTLP over gRPC and over HTTP, each on its own port.

Independent of Sluice: gRPC is grpcio's, HTTP is Python's own, messages are decoded by protobuf.
A request that does not decode, or comes to another path, is a problem of its own.
"""

import gzip
import ssl
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as messages
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc as services

LOOPBACK = "127.0.0.1"


class Sink:
    """Both servers run from construction to close(). `certificate`: (certificate, key) files; then
    both speak TLS alone."""

    def __init__(self, certificate=None):
        self._lock = threading.Lock()
        self.requests = []  # ExportTraceServiceRequest, in order of arrival
        self.http_headers = []  # of each HTTP request: {name in lower case: value}
        self.problems = []
        self._start_grpc(certificate)
        self._start_http(certificate)

    def take(self, body):
        """Decodes and keeps one request; what cannot be decoded becomes a problem."""
        request = messages.ExportTraceServiceRequest()
        try:
            request.ParseFromString(body)
        except Exception as error:  # protobuf's DecodeError differs by implementation
            with self._lock:
                self.problems.append(f"request does not decode: {error}")
            raise
        with self._lock:
            self.requests.append(request)

    def close(self):
        self._grpc.stop(grace=0).wait()
        self._http.shutdown()
        self._http.server_close()
        self._http_thread.join()

    def _start_grpc(self, certificate):
        sink = self

        class Service(services.TraceServiceServicer):
            def Export(self, request, context):
                with sink._lock:
                    sink.requests.append(request)
                return messages.ExportTraceServiceResponse()

        self._grpc = grpc.server(ThreadPoolExecutor(max_workers=4))
        services.add_TraceServiceServicer_to_server(Service(), self._grpc)
        address = f"{LOOPBACK}:0"
        if certificate:
            chain, key = (open(path, "rb").read() for path in certificate)
            credentials = grpc.ssl_server_credentials([(key, chain)])
            self.grpc_port = self._grpc.add_secure_port(address, credentials)
        else:
            self.grpc_port = self._grpc.add_insecure_port(address)
        self._grpc.start()

    def _start_http(self, certificate):
        handler = type("Handler", (_HttpHandler,), {"sink": self})
        self._http = ThreadingHTTPServer((LOOPBACK, 0), handler)
        self._http.daemon_threads = True
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self._http.socket = context.wrap_socket(self._http.socket, server_side=True)
        self.http_port = self._http.server_port
        self._http_thread = threading.Thread(target=self._http.serve_forever, daemon=True)
        self._http_thread.start()


class _HttpHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    sink = None  # set in a subclass per sink

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with self.sink._lock:
            self.sink.http_headers.append({k.lower(): v for k, v in self.headers.items()})
        status = self._take(body)
        self.send_response(status)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _take(self, body):
        if not self.path.endswith("/v1/traces"):
            self.sink.problems.append(f"request to {self.path}")
            return 404
        if self.headers["Content-Type"] != "application/x-protobuf":
            self.sink.problems.append(f"content type {self.headers['Content-Type']}")
            return 415
        try:
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            self.sink.take(body)
        except Exception as error:
            self.sink.problems.append(f"request refused: {error}")
            return 400
        return 200

    def log_message(self, *_):
        pass
