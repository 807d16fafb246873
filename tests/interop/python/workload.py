# SPDX-License-Identifier: Apache-2.0
"""Spans that use what the SDK can express: services, scopes, all types of values, events, links,
status, trace state, limits exceeded, remote parents. ../go/workload.go makes the like of it."""

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.trace import (Link, NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode,
                                 TraceFlags, TraceState)

SERVICES = ["llm-d-router/epp", "routing-proxy", "vllm-decode", "пример-服务-🛰"]
KINDS = list(SpanKind)
TREE_SPANS = 5  # a root and four children

# Fewer than some spans want, so that dropped attributes, events and links are counted.
LIMITS = SpanLimits(max_span_attributes=32, max_events=6, max_links=3)

VALUES = {
    "text.ascii": "chatcmpl-8f1c",
    "text.empty": "",
    "text.unicode": "naïve 漢字 \U0001f680 e\u0301",
    "text.control": "tab\tnewline\nnul\0end",
    "text.long": "0123456789abcdef" * 256,
    "bool.true": True,
    "bool.false": False,
    "int.zero": 0,
    "int.max": 2**63 - 1,
    "int.min": -(2**63),
    "double.negative_zero": -0.0,
    "double.tiny": 5e-324,
    "double.huge": 1.7976931348623157e308,
    "double.infinity": float("-inf"),
    "double.nan": float("nan"),
    "bytes": bytes(range(256)),
    "bytes.empty": b"",
    "array.empty": [],
    "array.strings": ["default/pod-0", "", "ünïcode"],
    "array.bools": [True, False, True],
    "array.ints": [-1, 0, 2**40],
    "array.doubles": [0.25, -0.5, 1e-9],
    "array.mixed": ["a", 1, 2.5, False, b"\x00\xff"],
    "map": {"model": "llama", "nested": {"depth": 2, "list": [1, {"deep": "value"}]}},
}

# One span shape for each condition of the filter in configs/, in the order of the conditions.
SCRAPES = [
    ("GET /metrics/path", SpanKind.SERVER, {"url.path": "/metrics"}),
    ("target", SpanKind.SERVER, {"http.target": "/metrics"}),
    ("route", SpanKind.SERVER, {"http.route": "/metrics"}),
    ("GET /metrics http send", SpanKind.INTERNAL, {}),
    ("GET", SpanKind.CLIENT, {"url.full": "http://10.0.0.1:8000/metrics"}),
]

# Close to a scrape, and none.
NEAR_MISSES = [
    ("GET", SpanKind.SERVER, {"url.path": "/v1/models"}),
    ("GET /metrics2", SpanKind.SERVER, {"url.path": "/metrics2"}),
    ("GET", SpanKind.CLIENT, {"url.full": "http://10.0.0.1:8000/metrics/job"}),
    ("scrape", SpanKind.SERVER, {"url.path": ["/metrics"]}),
]


class Workload:
    """`processors`: one span processor per service."""

    def __init__(self, processors):
        self._providers = [self._provider(name, p) for name, p in zip(SERVICES, processors)]
        self._tracers = [provider.get_tracer(
            "interop", "1.2.3", schema_url="https://opentelemetry.io/schemas/1.37.0",
            attributes={"commit-sha": "0a1b2c"}) for provider in self._providers]
        # A second scope, without anything but its name.
        self._plain = [provider.get_tracer("plain") for provider in self._providers]
        self._count = 0

    @staticmethod
    def _provider(name, processor):
        resource = Resource.create({
            "service.name": name, "service.instance.id": "pod-0", "host.cpus": 8,
            "k8s.pod.labels": ["a=1", "b=2"], "weight": 0.5, "tracing": True,
        }, schema_url="https://opentelemetry.io/schemas/1.36.0")
        provider = TracerProvider(resource=resource, span_limits=LIMITS, shutdown_on_exit=False)
        provider.add_span_processor(processor)
        return provider

    def flush(self):
        for provider in self._providers:
            provider.force_flush(60_000)

    def shutdown(self):
        for provider in self._providers:
            provider.shutdown()

    def tree(self, size):
        """One trace of ${size} spans over all services; returns nothing, spans are exported."""
        number = self._count
        self._count += 1
        context = self._remote_parent(number) if number % 2 else None
        with self._start(number, 0, context) as root:
            parent = trace.set_span_in_context(root)
            for i in range(1, size):
                with self._start(number, i, parent) as child:
                    self._decorate(child, number + i)
            self._decorate(root, number)

    def scrape(self, number):
        condition = number % len(SCRAPES)
        name, kind, attributes = SCRAPES[condition]
        self._tracers[number % len(SERVICES)].start_span(
            name, kind=kind, attributes={**attributes, "interop.scrape": condition}).end()

    def oversize(self, size):
        self._tracers[0].start_span(
            "oversize", attributes={"content": "x" * size}).end()

    def _start(self, number, i, context):
        service = (number + i) % len(SERVICES)
        tracer = self._plain[service] if i == 4 else self._tracers[service]
        name, kind, attributes = "llm_request", KINDS[i % len(KINDS)], {"index": number}
        if i == 3:
            name, kind, attributes = NEAR_MISSES[number % len(NEAR_MISSES)]
        return tracer.start_as_current_span(
            name, context=context, kind=kind, attributes=attributes, links=self._links(number, i),
            record_exception=False)

    @staticmethod
    def _decorate(span, number):
        keys = list(VALUES)
        for k in range(number % 6):
            key = keys[(number * 5 + k) % len(keys)]
            span.set_attribute(key, VALUES[key])
        if number % 10 == 0:
            span.set_attributes(VALUES)
        if number % 25 == 0:  # beyond LIMITS
            span.set_attributes({f"filler.{i}": i for i in range(40)})
            for i in range(9):
                span.add_event(f"token {i}")
        if number % 4 == 0:
            span.add_event("первое 🥇", {"rank": 1, "scores": [0.5, 0.25], "hit": True})
            span.add_event("", timestamp=1)
        if number % 7 == 0:
            span.record_exception(ValueError("no such model: ∅"))
            span.set_status(Status(StatusCode.ERROR, "отказ \U0001f4a5"))
        elif number % 5 == 0:
            span.set_status(Status(StatusCode.OK))

    @staticmethod
    def _remote_parent(number):
        state = TraceState([("vendor", f"opaque-{number}"), ("rojo", "00f067aa0ba902b7")])
        return trace.set_span_in_context(NonRecordingSpan(SpanContext(
            (number + 1) << 64 | 0xFEED, number + 1, is_remote=True,
            trace_flags=TraceFlags(TraceFlags.SAMPLED), trace_state=state)))

    @staticmethod
    def _links(number, i):
        linked = SpanContext(0xABCD << 100 | number, i + 1, is_remote=bool(i % 2),
                             trace_flags=TraceFlags(i % 2), trace_state=TraceState([("k", "v")]))
        wanted = 5 if number % 25 == 0 else i % 3 if number % 3 == 0 else 0
        return [Link(linked, {"reason": "batch", "position": n}) for n in range(wanted)]
