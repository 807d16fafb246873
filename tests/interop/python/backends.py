# SPDX-License-Identifier: Apache-2.0
"""Real backends behind Sluice: an OpenTelemetry Collector that takes small requests alone, and a
grpc-go server that rejects spans in an answer that it compresses."""

import json
import os
import random
import subprocess
import time
import urllib.request
from collections import Counter

from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as messages

from case import Row
from collector import Collector, environment, values
from compare import span, spans_of
from route import OWN, guarded
from sink import LOOPBACK, Sink

SPANS = 500
SPAN_BYTES = 4000
SETTLED_S = 60

# Exporter -> the Collector's limit in bytes, and how many spans are larger. Both are limits of
# uncompressed bytes: of the message, and of the body.
LIMITS = {"otlp_grpc/backend": (1 << 20, 3), "otlp_http/backend": (300_000, 4)}
REJECTED = 2


def request_of(span_sizes):
    """One request whose span number n has an attribute of span_sizes[n] bytes."""
    random_text = random.Random(1)
    request = messages.ExportTraceServiceRequest()
    scope = request.resource_spans.add().scope_spans.add()
    for number, size in enumerate(span_sizes, start=1):
        one = scope.spans.add(trace_id=number.to_bytes(16, "big"),
                              span_id=number.to_bytes(8, "big"), name="work")
        one.attributes.add(key="text").value.string_value = random_text.randbytes(size // 2).hex()
    return request


def post(collector, request):
    """To the collector's HTTP port, which takes larger requests than that of gRPC."""
    http = urllib.request.Request(
        f"http://{LOOPBACK}:{collector.ports['http']}/v1/traces", request.SerializeToString(),
        {"content-type": "application/x-protobuf"})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(http, timeout=SETTLED_S):
        pass


def ids(requests):
    return Counter(span(alone).span_id for alone in spans_of(requests))


def settled(collector, spans):
    """The metrics once all ${spans} were sent or dropped; the last ones if that never happens."""
    deadline = time.monotonic() + SETTLED_S
    while True:
        metrics = collector.metrics()
        done = sum(values(metrics, "otelcol_exporter_sent_spans"))
        done += sum(values(metrics, "sluice_exporter_dropped_spans"))
        if done >= spans or time.monotonic() > deadline:
            return metrics
        time.sleep(0.05)


def expect(row, what, got, expected):
    if got != expected:
        row.problems.append(f"{what}: {got}, expected {expected}")


def sluice(setting, name, exporter, endpoint, coding):
    return Collector(setting.sluice, os.path.join(OWN, "limited-backend.yaml"),
                     os.path.join(setting.work, name + ".log"),
                     {"service.pipelines.traces.exporters": f"[{exporter}]",
                      f"exporters.{exporter}.endpoint": endpoint,
                      f"exporters.{exporter}.compression": coding})


def limited(setting, row, exporter, coding):
    """A batch of several times the Collector's limit with spans that are above it alone: these are
    dropped and named, the others arrive, each once."""
    limit, culprits = LIMITS[exporter]
    protocol = "grpc" if "grpc" in exporter else "http"
    name = f"limited-{protocol}-{coding}"
    sizes = [SPAN_BYTES] * SPANS
    large = random.Random(2).sample(range(SPANS), culprits)
    for at in large:
        sizes[at] = limit + 1000
    sink = Sink()
    peer = Collector(setting.peers["collector"], os.path.join(OWN, "peer-collector.yaml"),
                     os.path.join(setting.work, name + ".peer.log"),
                     {"exporters.otlp.endpoint": f"{LOOPBACK}:{sink.grpc_port}"})
    scheme = "" if protocol == "grpc" else "http://"
    collector = sluice(setting, name, exporter, f"{scheme}{LOOPBACK}:{peer.ports[protocol]}",
                       coding)
    try:
        peer.start()
        collector.start()
        post(collector, request_of(sizes))
        metrics = settled(collector, SPANS)
        log = collector.log()
    finally:
        row.problems += collector.stop() + peer.stop()
        sink.close()
    arrived = ids(sink.requests)
    row.sent, row.arrived, row.failed = SPANS, sum(arrived.values()), culprits
    expected = {(at + 1).to_bytes(8, "big"): 1 for at in range(SPANS) if at not in large}
    expect(row, "spans that did not arrive exactly once", expected == arrived, True)
    expect(row, "sent", sum(values(metrics, "otelcol_exporter_sent_spans")), SPANS - culprits)
    expect(row, "too large", sum(values(metrics, "sluice_exporter_dropped_spans",
                                        reason="too_large")), culprits)
    for at in large:
        expect(row, "the log names the span", (at + 1).to_bytes(16, "big").hex() in log, True)
    requests = sum(values(metrics, "sluice_exporter_requests"))
    bytes_in_all = SPANS * SPAN_BYTES + culprits * limit
    most = 2 * (culprits + 1) * 10 + 8 + 4 * (bytes_in_all // limit + 2)
    expect(row, f"{requests} requests are within {most}", requests <= most, True)


class GoBackend:
    """../go with `backend`; a context manager."""

    def __init__(self, setting, *options):
        self._process = subprocess.Popen(
            [*setting.senders["Go"], "backend", *map(str, options)], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, env=environment())
        self.port = json.loads(self._process.stdout.readline())["port"]

    def received(self):
        """Ends it. {"spans": …, "requests": …}"""
        output, _ = self._process.communicate(timeout=SETTLED_S)
        return json.loads(output)


def rejecting(setting, row, coding):
    """What the server rejects is counted, whatever the coding that its answer comes in."""
    backend = GoBackend(setting, "--reject", REJECTED)
    collector = sluice(setting, f"rejecting-{coding}", "otlp_grpc/backend",
                       f"{LOOPBACK}:{backend.port}", coding)
    try:
        collector.start()
        post(collector, request_of([100] * 5))
        metrics = settled(collector, 5)
    finally:
        row.problems += collector.stop()
        received = backend.received()
    row.sent, row.arrived, row.failed = 5, received["spans"], REJECTED
    expect(row, "received", received, {"spans": 5, "requests": 1})
    expect(row, "sent", sum(values(metrics, "otelcol_exporter_sent_spans")), 5 - REJECTED)
    expect(row, "rejected", sum(values(metrics, "sluice_exporter_dropped_spans",
                                       reason="rejected_by_backend")), REJECTED)


def cases(sdks):
    del sdks
    for exporter in LIMITS:
        for coding in ("none", "gzip"):
            def run(setting, exporter=exporter, coding=coding):
                row = Row("Collector with a limit", "-", exporter.split("/")[0], coding)
                return guarded([row], lambda: limited(setting, row, exporter, coding))
            yield run
    for coding in ("none", "gzip"):
        def run(setting, coding=coding):
            row = Row("grpc-go that rejects spans", "-", "otlp_grpc", coding)
            return guarded([row], lambda: rejecting(setting, row, coding))
        yield run
