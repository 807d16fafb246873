# SPDX-License-Identifier: Apache-2.0
"""Sluice and the real OpenTelemetry Collector, run on the same configuration; and a backend for both
that answers as told."""

import http.server
import os
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request

from collector import environment, free_port

DEADLINE_S = 120  # of any event, on a machine that is busy


def wait_for(what, done, deadline_s=DEADLINE_S):
    """Calls done() until it returns something true, and returns that."""
    deadline = time.monotonic() + deadline_s
    while not (result := done()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited in vain for {what}")
        time.sleep(0.02)
    return result


class Peer:
    """A program at work. `config`: YAML in which @GRPC@, @HTTP@ and @METRICS@ are its ports."""

    def __init__(self, command, config, folder, name):
        self.name = name
        self.grpc, self.http, self.metrics_port = free_port(), free_port(), free_port()
        for mark, port in (("@GRPC@", self.grpc), ("@HTTP@", self.http),
                           ("@METRICS@", self.metrics_port)):
            config = config.replace(mark, str(port))
        path = os.path.join(folder, f"{name}.yaml")
        self.log_path = os.path.join(folder, f"{name}.log")
        with open(path, "w", encoding="utf-8") as file:
            file.write(config)
        with open(self.log_path, "wb") as log:
            self._process = subprocess.Popen([*command, "--config", path], stdout=log, stderr=log,
                                             stdin=subprocess.DEVNULL, env=environment())
        try:
            wait_for(f"{name} to be ready", self._is_ready)
        except BaseException:
            self.stop()
            raise

    def _is_ready(self):
        if self._process.poll() is not None:
            raise RuntimeError(f"{self.name} ended at its start:\n{self.log()}")
        return "Everything is ready." in self.log()

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            return log.read()

    def page(self):
        """The metrics page as text."""
        url = f"http://127.0.0.1:{self.metrics_port}/metrics"
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(url, timeout=DEADLINE_S) as response:
            return response.read().decode()

    def post(self, request):
        """Sends an ExportTraceServiceRequest; returns the HTTP status."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        post = urllib.request.Request(f"http://127.0.0.1:{self.http}/v1/traces",
                                      request.SerializeToString(),
                                      {"content-type": "application/x-protobuf"})
        try:
            with opener.open(post, timeout=DEADLINE_S) as response:
                return response.status
        except urllib.error.HTTPError as error:
            return error.code

    def stop(self):
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class Backend:
    """OTLP/HTTP on a free port. `answers`: what to say one after the other, the last one for ever:
    (status, body, headers). `work_s`: how long one request takes; they are taken one by one then."""

    def __init__(self, answers=((200, b"", {}),), work_s=0):
        self.calls = 0
        self.busy_s = 0.0  # spent on requests
        self.first_at = self.last_at = None
        self.open = threading.Event()  # closed: requests wait
        self.open.set()
        self._answers = list(answers)
        self._work_s = work_s
        self._lock, self._one = threading.Lock(), threading.Lock()
        backend = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = DEADLINE_S

            def do_POST(self):
                self.rfile.read(int(self.headers.get("content-length", 0)))
                status, body, headers = backend.take()
                self.send_response(status)
                for name, value in {"content-type": "application/x-protobuf", **headers}.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            request_queue_size = 256
            daemon_threads = True

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def take(self):
        with self._lock:
            self.calls += 1
            answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        self.open.wait(DEADLINE_S)
        if self._work_s:
            with self._one:
                begin = time.monotonic()
                time.sleep(self._work_s)  # its work
                end = time.monotonic()
                self.first_at = self.first_at or begin
                self.last_at = end
                self.busy_s += end - begin
        return answer

    def stop(self):
        self.open.set()
        self._server.shutdown()
        self._server.server_close()
