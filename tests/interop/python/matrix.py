# SPDX-License-Identifier: Apache-2.0
"""Every SDK over every protocol with every coding through the shipped configurations: each span
arrives once at each backend, equal in all fields, or is counted by the condition that dropped it."""

import os

from case import Row, Run, check_counters
from collector import Collector
from compare import compare
from sink import LOOPBACK, Sink

SPANS = 600
SCRAPES = 100

# Configuration -> its backends: exporter, and the protocol it speaks.
CONFIGS = {
    "cluster.yaml": {"otlp_grpc/jaeger": "grpc", "otlp_grpc/tempo": "grpc",
                     "otlp_http/langfuse": "http"},
    "dual-export.yaml": {"otlp_http/langfuse": "http", "otlp_grpc/jaeger": "grpc"},
    "llm-d-operator.yaml": {"otlp_grpc/jaeger": "grpc"},
}
HEALTH_CHECKS = {"cluster.yaml", "llm-d-operator.yaml", "ci.yaml"}


def endpoints(backends, sinks, scheme="http"):
    """Overrides that send each backend's spans to its sink; paths of URLs stay."""
    found = {}
    for exporter, protocol in backends.items():
        sink = sinks[exporter]
        found[f"exporters.{exporter}.endpoint"] = (
            f"{LOOPBACK}:{sink.grpc_port}" if protocol == "grpc"
            else f"{scheme}://{LOOPBACK}:{sink.http_port}/api/public/otel")
    return found


def check_headers(sink):
    """Problems of the header fields that HTTP backends got."""
    wanted = {"authorization": "Basic aW50ZXJvcA==", "content-encoding": "gzip"}
    return [f"header {name}: {headers.get(name)!r}" for headers in sink.http_headers[:1]
            for name, value in wanted.items() if headers.get(name) != value]


def run(setting, config, sdk, protocol, coding):
    """One sender through one configuration; a row for each backend."""
    backends = CONFIGS[config]
    name = f"{config.removesuffix('.yaml')}-{sdk}-{protocol}-{coding}"
    sinks = {exporter: Sink() for exporter in backends}
    collector = Collector(setting.sluice, os.path.join(setting.configs, config),
                          os.path.join(setting.work, name + ".log"),
                          endpoints(backends, sinks), config in HEALTH_CHECKS)
    rows = {exporter: Row(f"{config} → {exporter}", sdk, protocol, coding)
            for exporter in backends}
    try:
        collector.start()
        sender = Run(setting, name, sdk, protocol, coding,
                     f"{LOOPBACK}:{collector.ports[protocol]}",
                     ["--spans", SPANS, "--scrapes", SCRAPES])
        sent = sender.wait()
        common = sender.problems + sender.failures
        if len(sent.kept) != SPANS or sum(sent.scraped.values()) != SCRAPES:
            common.append(f"the SDK exported {len(sent.kept)} + {sum(sent.scraped.values())} spans")
        metrics = collector.settled_metrics(len(sent.kept))
        common += check_counters(metrics, protocol, sent)
        common += collector.stop()
        for exporter, row in rows.items():
            sink = sinks[exporter]
            found = compare(sent.kept, sink.requests)
            row.version = sender.version
            row.sent = len(sent.kept) + sum(sent.scraped.values())
            row.arrived = found.arrived
            row.dropped = sum(sent.scraped.values())
            row.equal_attributes = found.equal_attributes
            row.problems = common + found.problems + sink.problems + check_headers(sink)
    except Exception as error:  # a case that breaks off must not take the others with it
        for row in rows.values():
            row.problems.append(f"broken off: {error!r}")
    finally:
        collector.stop()
        for sink in sinks.values():
            sink.close()
    return list(rows.values())


def cases(sdks):
    """Calls that return rows, all with the setting as their argument."""
    for config in ("cluster.yaml", "dual-export.yaml"):
        for sdk in sdks:
            for protocol in ("grpc", "http"):
                for coding in ("none", "gzip"):
                    yield lambda setting, args=(config, sdk, protocol, coding): run(setting, *args)
    for sdk in sdks:
        yield lambda setting, args=("llm-d-operator.yaml", sdk, "grpc", "gzip"): run(setting, *args)
