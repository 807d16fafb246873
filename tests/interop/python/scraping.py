# SPDX-License-Identifier: Apache-2.0
"""A FastAPI application under auto-instrumentation that Prometheus scrapes and probes ask: not one
span of that reaches a backend, and all of the real requests do, equal in all fields."""

import http.client
import socket
import time
from collections import Counter

from application import Application
from case import Row, transport
from collector import free_port
from compare import span
from route import Route, guarded
from sink import LOOPBACK

CONFIG = "scrape.yaml"
START_S = 30

PROMETHEUS = {
    "User-Agent": "Prometheus/3.4.1", "Accept-Encoding": "gzip",
    "Accept": "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
              "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
    "X-Prometheus-Scrape-Timeout-Seconds": "10"}
PROBE = {"User-Agent": "kube-probe/1.33", "Accept": "*/*", "Connection": "close"}
CLIENT = {"User-Agent": "shop/1.0", "Content-Type": "application/json"}

# What a round asks for; name of the root span: method, target, header, noise?
REQUESTS = {
    "GET /metrics": ("GET", "/metrics", PROMETHEUS, True),
    "GET /health": ("GET", "/health", PROBE, True),
    "GET /items/{number}": ("GET", "/items/7?verbose=1", CLIENT, False),
    "POST /chat": ("POST", "/chat", CLIENT, False),
}
ROUNDS = 25

# Few spans in one request, so that the parts of a scrape often come apart.
BATCHES = {"OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "3", "OTEL_BSP_SCHEDULE_DELAY": "20"}


def compression(coding):
    """As a variable of the environment; "none" is not a value of it."""
    return {} if coding == "none" else {"OTEL_EXPORTER_OTLP_COMPRESSION": coding}


def start(route, protocol, coding, port):
    """The application on ${port}, ready."""
    command = ["opentelemetry-instrument", "uvicorn", "web_app:app", "--host", LOOPBACK, "--port",
               port]
    application = Application(
        route.setting, route.name, command, "opentelemetry-instrumentation-fastapi", **BATCHES,
        OTEL_SERVICE_NAME="shop", OTEL_TRACES_EXPORTER="otlp", OTEL_METRICS_EXPORTER="none",
        OTEL_LOGS_EXPORTER="none", **compression(coding),
        OTEL_EXPORTER_OTLP_PROTOCOL={"http": "http/protobuf"}.get(protocol, protocol),
        OTEL_EXPORTER_OTLP_ENDPOINT=f"http://{LOOPBACK}:{route.collector.ports[transport(protocol)]}")
    deadline = time.monotonic() + START_S
    while application.process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection((LOOPBACK, port)).close()
            break
        except OSError:
            time.sleep(0.05)
    return application


def ask(application, port):
    """All rounds of requests. What is answered wrong becomes a problem."""
    connections = {name: http.client.HTTPConnection(LOOPBACK, port, timeout=10)
                   for name in REQUESTS}
    for _ in range(ROUNDS):
        for name, (method, target, header, _) in REQUESTS.items():
            connections[name].request(method, target, headers=header)
            answer = connections[name].getresponse()
            if answer.status != 200 or not answer.read():
                application.problems.append(f"{name} was answered with {answer.status}")
    for connection in connections.values():
        connection.close()


def part(sent):
    """Moves the spans of traces that are noise from what is kept to what is filtered. Returns
    problems: without spans of all requests, and their children, nothing is proven."""
    roots = {span(alone).trace_id: span(alone).name for alone in sent.kept
             if not span(alone).parent_span_id}
    spans = Counter(roots.get(span(alone).trace_id, "no root") for alone in sent.kept)
    noise = sum(spans[name] for name, request in REQUESTS.items() if request[3])
    sent.kept = [alone for alone in sent.kept
                 if not REQUESTS.get(roots.get(span(alone).trace_id), (None,) * 4)[3]]
    sent.scraped[0] = noise
    counts = Counter(roots.values())
    problems = [f"{counts[name]} traces of {name}, not {ROUNDS}" for name in REQUESTS
                if counts[name] != ROUNDS]
    problems += [f"{name}: {spans[name]} spans: no children" for name in REQUESTS
                 if spans[name] < 3 * ROUNDS]
    return problems + [f"spans below {name!r}" for name in spans.keys() - REQUESTS.keys()]


def run(setting, protocol, coding):
    name = f"scraped-{protocol}-{coding}"
    rows = {exporter: Row(f"FastAPI, scraped → {exporter}", "FastAPI", protocol, coding)
            for exporter in ("otlp_grpc/jaeger", "otlp_http/langfuse")}

    def work():
        with Route(setting, name, CONFIG) as route:
            port = free_port()
            application = start(route, protocol, coding, port)
            try:
                ask(application, port)
            finally:
                sent = application.stop()
            application.problems += part(sent)
            route.check(application, sent, rows, protocol)

    return guarded(list(rows.values()), work)


def cases(_):
    for protocol, coding in (("grpc", "none"), ("http", "gzip")):
        yield lambda setting, args=(protocol, coding): run(setting, *args)
