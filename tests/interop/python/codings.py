# SPDX-License-Identifier: Apache-2.0
"""Every compression that the Collector has, both ways: Sluice's exporter compresses for a real
Collector, which compresses in the same way for Sluice's receiver. What comes back is what was sent,
so each of the two read what the other wrote."""

import os

from case import Row, Run, Setting
from collector import Collector, free_port, values
from compare import compare
from peers import Peer
from route import guarded
from sink import LOOPBACK, Sink

SPANS = 300

# What the Collector's exporters accept by protocol (configgrpc, confighttp).
CODINGS = {
    "grpc": ["gzip", "zstd", "snappy", "none"],
    "http": ["gzip", "zstd", "zlib", "deflate", "snappy", "x-snappy-framed", "lz4", "none"],
}

SLUICE = """
receivers:
  otlp: {protocols: {grpc: , http: }}
  otlp/back: {protocols: {%(protocol)s: {endpoint: '127.0.0.1:%(back)d'}}}
exporters:
  otlp_%(protocol)s: {endpoint: '%(peer)s', compression: '%(coding)s', tls: {insecure: true}}
  otlp_grpc/sink: {endpoint: '127.0.0.1:%(sink)d', tls: {insecure: true}}
service:
  pipelines:
    traces: {receivers: [otlp], exporters: [otlp_%(protocol)s]}
    traces/back: {receivers: [otlp/back], exporters: [otlp_grpc/sink]}
"""

COLLECTOR = """
receivers:
  otlp: {protocols: {%(protocol)s: {endpoint: '127.0.0.1:%(in)d'}}}
exporters:
  %(exporter)s: {endpoint: '%(out)s', compression: '%(coding)s', tls: {insecure: true}}
service:
  telemetry: {metrics: {level: none}}
  pipelines:
    traces: {receivers: [otlp], exporters: [%(exporter)s]}
"""


def url(protocol, port):
    return f"http://{LOOPBACK}:{port}" if protocol == "http" else f"{LOOPBACK}:{port}"


def there_and_back(setting: Setting, protocol, coding):
    row = Row("Sluice ⇄ Collector", "Python", protocol, coding)
    return guarded([row], lambda: fill(setting, protocol, coding, row))


def fill(setting, protocol, coding, row):
    name = f"codings-{protocol}-{coding}"
    back, peer_port, sink = free_port(), free_port(), Sink()
    path = os.path.join(setting.work, name + ".yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(SLUICE % {"protocol": protocol, "back": back, "coding": coding,
                             "peer": url(protocol, peer_port), "sink": sink.grpc_port})
    sluice = Collector(setting.sluice, path, os.path.join(setting.work, name + ".log"), {})
    collector = Peer(setting, "collector", name + "-collector", COLLECTOR % {
        "protocol": protocol, "in": peer_port, "out": url(protocol, back), "coding": coding,
        "exporter": "otlphttp" if protocol == "http" else "otlp"})
    try:
        with collector:
            sluice.start()
            sender = Run(setting, name, "Python", "grpc", "none",
                         f"{LOOPBACK}:{sluice.ports['grpc']}", ["--spans", SPANS])
            sent = sender.wait()
            metrics = sluice.settled_metrics(len(sent.kept), 60)
            row.problems += sluice.stop()
    finally:
        sluice.stop()
        sink.close()
    found = compare(sent.kept, sink.requests)
    row.version, row.sent, row.arrived = sender.version, sent.total(), found.arrived
    row.equal_attributes = found.equal_attributes
    row.problems += sender.problems + found.problems + sink.problems
    accepted = values(metrics, "otelcol_receiver_accepted_spans", receiver="otlp/back",
                      transport=protocol)
    if accepted != [len(sent.kept)]:
        row.problems.append(f"accepted from the Collector: {accepted}")


def cases(_):
    for protocol, codings in CODINGS.items():
        for coding in codings:
            yield lambda setting, args=(protocol, coding): there_and_back(setting, *args)
