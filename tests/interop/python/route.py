# SPDX-License-Identifier: Apache-2.0
"""From an SDK through the collector to its backends: a shipped configuration is started with free
ports, each of its backends is a sink, and a sender is checked against what arrived."""

import os

from case import Row, Run, check_counters, transport
from collector import LANGFUSE_AUTH, Collector
from compare import compare
from sink import LOOPBACK, Sink

# Configuration -> its backends: exporter, and the protocol it speaks.
CONFIGS = {
    "cluster.yaml": {"otlp_grpc/jaeger": "grpc", "otlp_grpc/tempo": "grpc",
                     "langfuse": "http"},
    "langfuse.yaml": {"langfuse": "http", "otlp_grpc/jaeger": "grpc"},
    "llm-d-operator.yaml": {"otlp_grpc/jaeger": "grpc", "otlp_grpc/tempo": "grpc",
                            "langfuse": "http"},
    "one-backend.yaml": {"otlp_grpc/jaeger": "grpc"},
    "ci.yaml": {},
    "dev.yaml": {},
    "scrape.yaml": {"otlp_grpc/jaeger": "grpc", "otlp_http/langfuse": "http"},
    "policy.yaml": {"otlp_grpc/jaeger": "grpc", "otlp_http/langfuse": "http",
                    "otlp_http/langfuse-last": "http"},
    "langfuse-sdk.yaml": {"otlp_grpc/jaeger": "grpc", "otlp_http/langfuse": "http",
                          "otlp_http/metadata": "http"},
}
# Those that are not shipped are here.
OWN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "configs")
HEALTH_CHECKS = {"cluster.yaml", "llm-d-operator.yaml", "one-backend.yaml", "ci.yaml"}
# Pipelines of shipped configurations that rewrite what they pass on. Here they drop scrapes and no
# more, so that what arrives can be compared with what was sent.
REWRITING = {
    "cluster.yaml": ("traces", "traces/langfuse"),
    "langfuse.yaml": ("traces/jaeger", "traces/langfuse"),
    "llm-d-operator.yaml": ("traces", "traces/langfuse"),
}
PATH = "/api/public/otel"  # of otlp_http's backends; the exporter langfuse adds it itself


def without_rewriting(config):
    """Settings, path and value."""
    for pipeline in REWRITING.get(config, ()):
        yield f"service.pipelines.{pipeline}.processors", "[scrape_filter, batch]"


def without_promise(path, work, name):
    """A copy of a configuration that does not promise a policy: what was promised can't be taken
    back by a setting."""
    copy = os.path.join(work, name + ".yaml")
    with open(path, encoding="utf-8") as source, open(copy, "w", encoding="utf-8") as target:
        target.writelines(line for line in source if not line.strip().startswith("policies:"))
    return copy


class Route:
    """A running collector and its sinks; a context manager. `secure`: TLS at both ends. `hosts`:
    {exporter: what its backend is called}, else its address. `variables`: see Collector."""

    def __init__(self, setting, name, config, overrides=None, secure=False, hosts=None,
                 variables=None):
        self.setting, self.name, self.config = setting, name, config
        self._hosts = hosts or {}
        certificate = setting.certificate if secure else None
        self.sinks = {exporter: Sink(certificate) for exporter in CONFIGS[config]}
        values = {**dict(without_rewriting(config)), **(overrides or {})}
        for exporter, protocol in CONFIGS[config].items():
            values.update(self._backend(exporter, protocol, secure))
        if secure:
            for protocol in ("grpc", "http"):
                tls = f"receivers.otlp.protocols.{protocol}.tls"
                values[f"{tls}.cert_file"], values[f"{tls}.key_file"] = certificate
        path = os.path.join(OWN, config)
        if not os.path.exists(path):
            path = os.path.join(setting.configs, config)
        if config in REWRITING:
            path = without_promise(path, setting.work, name)
        self.collector = Collector(
            setting.sluice, path, os.path.join(setting.work, name + ".log"), values, config in HEALTH_CHECKS,
            variables)

    def _backend(self, exporter, protocol, secure):
        sink = self.sinks[exporter]
        scheme = "https" if secure else "http"
        host = self._hosts.get(exporter, LOOPBACK)
        http = f"{scheme}://{host}:{sink.http_port}"
        if exporter == "langfuse":
            yield "exporters.langfuse.host", http
        else:
            yield f"exporters.{exporter}.endpoint", (
                f"{host}:{sink.grpc_port}" if protocol == "grpc" else http + PATH)
        if secure:
            yield f"exporters.{exporter}.tls.insecure", "false"
            yield f"exporters.{exporter}.tls.ca_file", self.setting.certificate[0]

    def __enter__(self):
        try:
            self.collector.start()
        except Exception:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.collector.stop()
        for sink in self.sinks.values():
            sink.close()

    def send(self, sdk, protocol, coding, *options, port=None):
        """Starts a sender; `port`: to another port than the protocol's own."""
        endpoint = f"{LOOPBACK}:{port or self.collector.ports[transport(protocol)]}"
        return Run(self.setting, self.name, sdk, protocol, coding, endpoint, options)

    def check(self, sender, sent, rows, protocol, expected_failures=None, refusals=0):
        """Fills ${rows}, {exporter: row}, with what became of ${sent}: counted and compared.
        `expected_failures`: see check_failures."""
        common = sender.problems + check_failures(sender.failures, expected_failures)
        metrics = self.collector.settled_metrics(len(sent.kept))
        common += check_counters(metrics, protocol, sent, refusals,
                                 len(REWRITING.get(self.config, "1")))
        common += self.collector.stop()
        self.fill(sender, sent, rows, common)

    def fill(self, sender, sent, rows, common, uncertain=None):
        """Fills ${rows} by comparing alone; the problems ${common} are every row's. `uncertain`:
        see compare."""
        for exporter, row in rows.items():
            sink = self.sinks[exporter]
            found = compare(sent.kept, sink.requests, uncertain)
            row.version = sender.version
            row.sent = sent.total()
            row.arrived = found.arrived
            row.filtered = sent.scraped.total()
            row.failed = len(sent.failed)
            row.equal_attributes = found.equal_attributes
            row.problems += common + found.problems + sink.problems + check_headers(sink)


def check_failures(failures, expected):
    """Problems of what an SDK said of failed exports: nothing, or once a text with ${expected}."""
    if expected is None:
        return [f"the SDK reports: {failure}" for failure in failures]
    if len(failures) == 1 and any(text in failures[0] for text in expected):
        return []
    return [f"the SDK reports {failures}, expected once one of {expected}"]


def check_headers(sink):
    """Problems of the header fields that an HTTP backend got."""
    wanted = {"authorization": f"Basic {LANGFUSE_AUTH}", "content-encoding": "gzip"}
    return [f"header {name}: {headers.get(name)!r}" for headers in sink.http_headers[:1]
            for name, value in wanted.items() if headers.get(name) != value]


def through_one_backend(setting, title, sdk, protocol, coding, body, **route):
    """One row through one-backend.yaml. ${body} gets the route and the rows to fill."""
    row = Row(title, sdk, protocol, coding)
    name = "-".join([*title.replace(",", "").replace("/", " ").split(), sdk, protocol, coding])
    return guarded([row], lambda: _run(setting, name, row, body, route))


def _run(setting, name, row, body, route):
    with Route(setting, name, "one-backend.yaml", **route) as running:
        body(running, {"otlp_grpc/jaeger": row})


def guarded(rows, work):
    """Runs ${work}; a case that breaks off must not take the others with it. Returns ${rows}."""
    try:
        work()
    except Exception as error:
        for row in rows:
            row.problems.append(f"broken off: {error!r}")
    return rows
