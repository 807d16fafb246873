# SPDX-License-Identifier: Apache-2.0
"""A FastAPI application under auto-instrumentation that Prometheus scrapes and probes ask: not one
span of that reaches a backend, and all of the real requests do, equal in all fields."""

import http.client
import socket
import time
from collections import Counter
from urllib.parse import urlsplit

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

# What a round asks for: method, target, header.
REQUESTS = [
    ("GET", "/metrics", PROMETHEUS),
    ("GET", "/health", PROBE),
    ("GET", "/items/7?verbose=1", CLIENT),
    ("POST", "/chat", CLIENT),
]
# Names of the root spans of that.
REDIRECTED = "GET"
NOISE = {"GET /metrics", "GET /health", REDIRECTED}
REAL = {"GET /items/{number}", "POST /chat"}
ROUNDS = 25

# Protocol, coding, and what the application is like, by variables of its environment. With few
# spans in a request the parts of a scrape come apart: their names have to do. A mounted page
# redirects first, to itself with a slash. FastAPI names no route then, "GET" and "GET http send"
# are all that the names say, and what belongs to a scrape is known by its parent alone, in the same
# request or, with small requests and slow probes, in a later one. The names of HTTP attributes have
# changed in between, too.
VARIANTS = [
    ("grpc", "none", "a route", {
        "INTEROP_METRICS": "route",
        "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "3", "OTEL_BSP_SCHEDULE_DELAY": "20"}),
    ("http", "gzip", "mounted", {
        "INTEROP_METRICS": "mounted", "OTEL_SEMCONV_STABILITY_OPT_IN": "http",
        "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "2048", "OTEL_BSP_SCHEDULE_DELAY": "60000"}),
    ("http", "none", "mounted, slow probes, small requests", {
        "INTEROP_METRICS": "mounted", "INTEROP_HEALTH_S": "0.4",
        "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "2", "OTEL_BSP_SCHEDULE_DELAY": "200"}),
]


def compression(coding):
    """As a variable of the environment; "none" is not a value of it."""
    return {} if coding == "none" else {"OTEL_EXPORTER_OTLP_COMPRESSION": coding}


def start(route, protocol, coding, port, variables):
    """The application on ${port}, ready."""
    endpoint = f"http://{LOOPBACK}:{route.collector.ports[transport(protocol)]}"
    command = ["opentelemetry-instrument", "uvicorn", "web_app:app", "--host", LOOPBACK, "--port",
               port]
    application = Application(
        route.setting, route.name, command, "opentelemetry-instrumentation-fastapi", **variables,
        OTEL_SERVICE_NAME="shop", OTEL_TRACES_EXPORTER="otlp", OTEL_METRICS_EXPORTER="none",
        OTEL_LOGS_EXPORTER="none", **compression(coding),
        OTEL_EXPORTER_OTLP_PROTOCOL={"http": "http/protobuf"}.get(protocol, protocol),
        OTEL_EXPORTER_OTLP_ENDPOINT=endpoint)
    deadline = time.monotonic() + START_S
    while application.process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection((LOOPBACK, port)).close()
            break
        except OSError:
            time.sleep(0.05)
    return application


def get(connection, method, target, header):
    """Status and body of the answer; follows one redirection."""
    for _ in range(2):
        connection.request(method, target, headers=header)
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 307:
            break
        target = urlsplit(answer.getheader("Location")).path
    return answer.status, body


def ask(application, port):
    """All rounds of requests. What is answered wrong becomes a problem."""
    connections = [http.client.HTTPConnection(LOOPBACK, port, timeout=10) for _ in REQUESTS]
    for _ in range(ROUNDS):
        for connection, (method, target, header) in zip(connections, REQUESTS):
            status, body = get(connection, method, target, header)
            if status != 200 or not body:
                application.problems.append(f"{method} {target} was answered with {status}")
    for connection in connections:
        connection.close()


def part(sent):
    """Moves the spans of traces that are noise from what is kept to what is filtered. Returns
    problems: without spans of all requests, and their children, nothing is proven."""
    roots = {span(alone).trace_id: span(alone).name for alone in sent.kept
             if not span(alone).parent_span_id}
    traces = Counter(roots.values())
    spans = Counter(roots.get(span(alone).trace_id) for alone in sent.kept)
    sent.kept = [alone for alone in sent.kept if roots.get(span(alone).trace_id) not in NOISE]
    sent.scraped[0] = sum(spans[name] for name in NOISE)
    return [f"{traces[name]} traces of {name!r} with {spans[name]} spans in {ROUNDS} rounds"
            for name in spans.keys() | REAL | NOISE - {REDIRECTED}
            if traces[name] != ROUNDS or spans[name] < 3 * ROUNDS or name not in NOISE | REAL]


def run(setting, protocol, coding, title, variables):
    name = f"scraped-{protocol}-{coding}"
    rows = {exporter: Row(f"FastAPI, scraped, {title} → {exporter}", "FastAPI", protocol, coding)
            for exporter in ("otlp_grpc/jaeger", "otlp_http/langfuse")}

    def work():
        with Route(setting, name, CONFIG) as route:
            port = free_port()
            application = start(route, protocol, coding, port, variables)
            try:
                ask(application, port)
            finally:
                sent = application.stop()
            application.problems += part(sent)
            route.check(application, sent, rows, protocol)

    return guarded(list(rows.values()), work)


def cases(_):
    for args in VARIANTS:
        yield lambda setting, args=args: run(setting, *args)
