# SPDX-License-Identifier: Apache-2.0
"""bin/sluice as a child process: started with a shipped configuration whose addresses are replaced,
asked for its metrics, ended by SIGTERM."""

import base64
import os
import re
import signal
import socket
import subprocess
import threading
import time
import urllib.request

READY = "Everything is ready."
START_S = 10
STOP_S = 30  # its own --shutdown-timeout is 25 s

# The keys of a Langfuse project: for the exporter langfuse, and as otlp_http sends them.
PUBLIC_KEY, SECRET_KEY = "pk-lf-interop", "sk-lf-interop"
LANGFUSE_AUTH = base64.b64encode(f"{PUBLIC_KEY}:{SECRET_KEY}".encode()).decode()
SECRETS = {"LANGFUSE_PUBLIC_KEY": PUBLIC_KEY, "LANGFUSE_SECRET_KEY": SECRET_KEY,
           "LANGFUSE_AUTH": LANGFUSE_AUTH}

# One line of the Prometheus text format: name, labels, value.
METRIC = re.compile(r'^(\w+)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


_HELD = []  # bound, never listening: for the life of this program


def free_port():
    """A port that nobody else gets while this program runs: another copy of it included. Go's servers,
    Sluice and asyncio's set SO_REUSEADDR, so they can listen there, go, and come back."""
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind(("127.0.0.1", 0))
    _HELD.append(held)
    return held.getsockname()[1]


def environment(**more):
    """Ours, without what would change where SDKs and collector connect and whom they trust."""
    foreign = re.compile(r".*_proxy|.*_ca_bundle|ssl_cert_.*|otel_.*", re.IGNORECASE)
    kept = {name: value for name, value in os.environ.items() if not foreign.fullmatch(name)}
    return {**kept, **more}


class Collector:
    """`config`: a file of configs/. `overrides`: {path: value}, over the addresses set here.
    `variables`: further ones of its environment."""

    def __init__(self, binary, config, log_path, overrides, health_check=False, variables=None):
        self.metrics_port = free_port()
        self.health_port = free_port() if health_check else None
        self.ports = {"grpc": free_port(), "http": free_port()}
        prometheus = f"{{host: 127.0.0.1, port: {self.metrics_port}}}"
        values = {
            "receivers.otlp.protocols.grpc.endpoint": f"127.0.0.1:{self.ports['grpc']}",
            "receivers.otlp.protocols.http.endpoint": f"127.0.0.1:{self.ports['http']}",
            "service.telemetry.metrics.level": "normal",
            "service.telemetry.metrics.readers":
                f"[{{pull: {{exporter: {{prometheus: {prometheus}}}}}}}]",
            "service.telemetry.logs.level": "info",
            **overrides,
        }
        if health_check:
            values["extensions.health_check.endpoint"] = f"127.0.0.1:{self.health_port}"
        self._command = [binary, "--config", config]
        for path, value in values.items():
            self._command += ["--set", f"{path}={value}"]
        self.log_path = log_path
        self.output_path = log_path + ".out"
        self._environment = environment(**SECRETS, **(variables or {}))
        self._process = None

    def start(self):
        """Returns when spans are taken. May be called again after stop(): same ports."""
        log_begin = os.path.getsize(self.log_path) if os.path.exists(self.log_path) else 0
        with open(self.log_path, "ab") as log, open(self.output_path, "ab") as output:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=output, stderr=log,
                env=self._environment)
        deadline = time.monotonic() + START_S
        while READY not in self.log()[log_begin:]:
            if self._process.poll() is not None:
                raise RuntimeError(f"collector ended at its start:\n{self.log()[log_begin:]}")
            if time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"collector not ready within {START_S} s")
            time.sleep(0.01)

    def stop(self):
        """SIGTERM, then waits. Returns a list of problems."""
        if self._process is None:
            return []
        process, self._process = self._process, None
        process.send_signal(signal.SIGTERM)
        try:
            status = process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return [f"collector did not end within {STOP_S} s of SIGTERM"]
        return [] if status == 0 else [f"collector ended with status {status}"]

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            return log.read()

    def output(self):
        with open(self.output_path, encoding="utf-8", errors="replace") as output:
            return output.read()

    def metrics(self):
        """[(name, {label: value}, number)] in the order printed."""
        url = f"http://127.0.0.1:{self.metrics_port}/metrics"
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(url, timeout=5) as response:
            lines = response.read().decode().splitlines()
        found = (METRIC.match(line) for line in lines if not line.startswith("#"))
        return [(m[1], dict(LABEL.findall(m[2] or "")), float(m[3])) for m in found if m]

    def settled_metrics(self, spans, deadline_s=15):
        """The metrics once each exporter has sent ${spans} spans; the last ones if that never
        happens."""
        deadline = time.monotonic() + deadline_s
        while True:
            metrics = self.metrics()
            sent = values(metrics, "otelcol_exporter_sent_spans")
            if all(n >= spans for n in sent) or time.monotonic() > deadline:
                return metrics
            time.sleep(0.05)


def values(metrics, name, **labels):
    """Values of the series ${name} that carry ${labels}, in the order printed."""
    return [int(v) for n, have, v in metrics
            if n == name and all(have.get(k) == x for k, x in labels.items())]
