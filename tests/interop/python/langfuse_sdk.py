# SPDX-License-Identifier: Apache-2.0
"""The Langfuse SDK, pointed at Sluice in place of Langfuse: its fields arrive as they were sent;
the processor for Langfuse overwrites none; behind metadata_only those stay that are no content."""

import re

from application import Application
from canaries import NEEDLES, found
from case import Row
from compare import attributes_of, span, spans_of
from route import Route, check_headers, guarded
from sink import LOOPBACK

CONFIG = "langfuse-sdk.yaml"
PROTOCOL = "http"

# What the application has set on some span: without one of them nothing is proven of it.
FIELDS = {
    "langfuse.environment", "langfuse.release", "langfuse.version", "langfuse.trace.name",
    "langfuse.trace.tags", "langfuse.trace.metadata.tenant", "user.id", "session.id",
    "langfuse.observation.type", "langfuse.observation.input", "langfuse.observation.output",
    "langfuse.observation.metadata.attempt", "langfuse.observation.level",
    "langfuse.observation.status_message", "langfuse.observation.model.name",
    "langfuse.observation.model.parameters", "langfuse.observation.usage_details",
    "langfuse.observation.cost_details", "langfuse.observation.completion_start_time",
}
CONTENT = re.compile(r"langfuse\.observation\.(input|output|status_message)$")


def attributes(alone):
    return {(holder, a.key): a.value.SerializeToString(deterministic=True)
            for holder, attributes in (("span", span(alone).attributes),
                                       ("resource", alone.resource.attributes),
                                       ("scope", alone.scope_spans[0].scope.attributes))
            for a in attributes}


def check_fields(sent, arrived, gone=None):
    """Number of attributes that arrived as they were sent, and problems. `gone`: a pattern of keys
    that must not arrive; all others have to."""
    arrived = {span(alone).span_id: attributes(alone) for alone in arrived}
    equal, lost = 0, set()
    for alone in sent.kept:
        got = arrived.pop(span(alone).span_id, {})
        for (holder, key), value in attributes(alone).items():
            expected = None if gone and gone.match(key) else value
            equal += expected == value == got.get((holder, key))
            if got.get((holder, key)) != expected:
                lost.add(key)
    problems = [f"not as expected: {sorted(lost)}"] if lost else []
    return equal, problems + ([f"{len(arrived)} spans too many"] if arrived else [])


def check_branches(route, sent, rows):
    """Fills ${rows} with what became of the fields on the branches."""
    gone = {"otlp_http/metadata": CONTENT}
    for exporter, row in rows.items():
        arrived = list(spans_of(route.sinks[exporter].requests))
        row.arrived = len(arrived)
        row.equal_attributes, problems = check_fields(sent, arrived, gone.get(exporter))
        row.problems += problems + check_headers(route.sinks[exporter])
        data = b"".join(r.SerializeToString() for r in route.sinks[exporter].requests)
        data += route.collector.log().encode() + str(route.sinks[exporter].http_headers).encode()
        secret = NEEDLES.keys() if exporter in gone else {"api-key"}
        row.problems += [f"tells {place}" for place in sorted(found(data) & secret)]


def run(setting, coding):
    name = f"langfuse-sdk-{coding}"
    title = {"otlp_grpc/jaeger": "as it comes", "otlp_http/langfuse": "langfuse",
             "otlp_http/metadata": "langfuse, metadata_only"}
    rows = {exporter: Row(f"Langfuse SDK, {text} → {exporter}", "Langfuse", PROTOCOL, coding)
            for exporter, text in title.items()}

    def work():
        with Route(setting, name, CONFIG) as route:
            application = Application(
                setting, name, ["python", "langfuse_trace.py",
                                f"http://{LOOPBACK}:{route.collector.ports[PROTOCOL]}"], "langfuse",
                LANGFUSE_OTEL_COMPRESSION=coding)
            sent = application.wait()
            keys = {a.key for alone in sent.kept for a in attributes_of(alone)}
            if missing := FIELDS - keys:
                application.problems.append(f"the SDK did not send {sorted(missing)}")
            # Compares all fields of all branches; only the first may be equal in all.
            route.check(application, sent, {"otlp_grpc/jaeger": rows["otlp_grpc/jaeger"]}, PROTOCOL)
            for row in rows.values():
                row.sent, row.version = sent.total(), application.version
            check_branches(route, sent, rows)

    return guarded(list(rows.values()), work)


def cases(_):
    for coding in ("none", "gzip"):
        yield lambda setting, coding=coding: run(setting, coding)
