# SPDX-License-Identifier: Apache-2.0
"""Jaeger 2 at the end: one gets PostSpans of the exporter jaeger, one OTLP of otlp_grpc. What their
query services show of a trace is the same, but for what PostSpans has no place for. Beside it, the
mapping against the Collector's translator, see ../jaeger."""

import json
import os
import subprocess
import time
import urllib.parse

from case import Row, Run
from collector import Collector, environment, free_port
from peers import Peer, get
from route import guarded
from sink import LOOPBACK

SPANS = 300
WAIT_S = 60

SLUICE = """
receivers:
  otlp: {protocols: {grpc: , http: }}
exporters:
  jaeger: {endpoint: '127.0.0.1:%(post)d', tls: {insecure: true}}
  otlp_grpc: {endpoint: '127.0.0.1:%(otlp)d', tls: {insecure: true}}
service:
  pipelines:
    traces: {receivers: [otlp], exporters: [jaeger, otlp_grpc]}
"""

JAEGER = """
extensions:
  jaeger_storage: {backends: {memory: {memory: {max_traces: 100000}}}}
  jaeger_query:
    storage: {traces: memory}
    enable_tracing: false
    http: {endpoint: '127.0.0.1:%(query)d'}
    grpc: {endpoint: '127.0.0.1:%(query_grpc)d'}
receivers:
  otlp: {protocols: {grpc: {endpoint: '127.0.0.1:%(otlp)d'}}}
  jaeger: {protocols: {grpc: {endpoint: '127.0.0.1:%(post)d'}}}
exporters:
  jaeger_storage_exporter: {trace_storage: memory}
service:
  extensions: [jaeger_storage, jaeger_query]
  telemetry: {metrics: {level: none}}
  pipelines:
    traces: {receivers: [otlp, jaeger], exporters: [jaeger_storage_exporter]}
"""


class Jaeger(Peer):
    def __init__(self, setting, name):
        self.ports = {part: free_port() for part in ("query", "query_grpc", "otlp", "post")}
        super().__init__(setting, "jaeger", name, JAEGER % self.ports)

    def _ask(self, path):
        return json.loads(get(f"http://{LOOPBACK}:{self.ports['query']}/api/v3/{path}"))

    def spans(self):
        """{(trace, span): what the query service shows of it}."""
        shown = {}
        for service in self._ask("services")["services"]:
            query = urllib.parse.urlencode({
                "query.service_name": service, "query.num_traces": 100000,
                "query.start_time_min": "2000-01-01T00:00:00Z",
                "query.start_time_max": "2200-01-01T00:00:00Z"})
            for group in self._ask(f"traces?{query}")["result"]["resourceSpans"]:
                for scope in group["scopeSpans"]:
                    for span in scope["spans"]:
                        shown[span["traceId"], span["spanId"]] = describe(group, scope, span)
        return shown

    def wait_for(self, count):
        deadline = time.monotonic() + WAIT_S
        while len(shown := self.spans()) < count and time.monotonic() < deadline:
            time.sleep(0.1)
        return shown


def json_of(value):
    """A value inside a list or map, as PostSpans writes it: bytes are base64, none are null."""
    kind, content = next(iter(value.items()), ("empty", None))
    if kind == "arrayValue":
        return [json_of(item) for item in content.get("values", [])]
    if kind == "kvlistValue":
        return {pair["key"]: json_of(pair["value"]) for pair in content.get("values", [])}
    if kind == "intValue":
        return int(content)
    return None if kind == "bytesValue" and not content else content


# Counts of what SDKs dropped are fields of OTLP; for PostSpans they are tags.
COUNTS = {"droppedAttributesCount": "otel.dropped_attributes_count",
          "droppedEventsCount": "otel.dropped_events_count",
          "droppedLinksCount": "otel.dropped_links_count"}


def attributes(holder):
    """{key: value}; lists and maps are the same whether they came as such or as JSON."""
    found = {tag: {"intValue": str(holder[field])} for field, tag in COUNTS.items()
             if field in holder}
    for attribute in holder.get("attributes", []):
        value = attribute["value"]
        text = value.get("stringValue", "")
        if "arrayValue" in value or "kvlistValue" in value:
            value = json_of(value)
        elif text[:1] in ("[", "{"):
            value = json.loads(text)
        found[attribute["key"]] = value
    return found


def link(one):
    """PostSpans carries its ids alone."""
    return one["traceId"], one["spanId"]


def describe(group, scope, span):
    """All that PostSpans has a place for: not schema URLs, attributes of scopes and links, states
    of links, flags other than `sampled`."""
    return {
        "resource": attributes(group["resource"]),
        "scope": [scope.get("scope", {}).get(part) for part in ("name", "version")],
        "attributes": attributes(span),
        "events": sorted((event.get("timeUnixNano"), event.get("name"),
                          json.dumps(attributes(event), sort_keys=True))
                         for event in span.get("events", [])),
        "links": [link(one) for one in span.get("links", [])],
        "sampled": span.get("flags", 0) & 1,
        **{part: span.get(part) for part in (
            "name", "kind", "parentSpanId", "traceState", "status", "startTimeUnixNano",
            "endTimeUnixNano")},
    }


def differences(want, got):
    for key, one in want.items():
        other = got.get(key)
        if other is None:
            yield f"{key} is missing"
        elif one != other:
            parts = [f"{part}: {one[part]} and {other[part]}" for part in one
                     if one[part] != other[part]]
            yield f"{one['name']}: {'; '.join(parts)}"
    for key in got.keys() - want.keys():
        yield f"{key} was not sent"


def both_ways(setting):
    rows = [Row("jaeger → Jaeger 2", "Python", "grpc", "none"),
            Row("otlp_grpc → Jaeger 2", "Python", "grpc", "gzip")]
    return guarded(rows, lambda: fill(setting, *rows))


def fill(setting, post_row, otlp_row):
    with Jaeger(setting, "jaeger-post") as post, Jaeger(setting, "jaeger-otlp") as otlp:
        path = os.path.join(setting.work, "jaeger.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(SLUICE % {"post": post.ports["post"], "otlp": otlp.ports["otlp"]})
        sluice = Collector(setting.sluice, path, os.path.join(setting.work, "jaeger.log"), {})
        try:
            sluice.start()
            sender = Run(setting, "jaeger", "Python", "grpc", "none",
                         f"{LOOPBACK}:{sluice.ports['grpc']}", ["--spans", SPANS])
            sent = sender.wait()
            want, got = otlp.wait_for(len(sent.kept)), post.wait_for(len(sent.kept))
        finally:
            problems = sluice.stop()
    for row, shown in ((post_row, got), (otlp_row, want)):
        row.version, row.sent, row.arrived = sender.version, sent.total(), len(shown)
        row.problems += problems + sender.problems
        if len(shown) != len(sent.kept):
            row.problems.append(f"Jaeger shows {len(shown)} spans of {len(sent.kept)}")
    found = list(differences(want, got))
    post_row.equal_attributes = sum(len(one["attributes"]) for one in got.values())
    post_row.problems += found[:5] + [f"{len(found)} spans differ"] * bool(found)


def mapping(setting):
    row = Row("jaeger = the Collector's translator", "-", "grpc", "none")

    def work():
        done = subprocess.run([setting.peers["jaegerdiff"], setting.sluice, setting.work],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              env=environment(), timeout=300, check=False)
        lines = done.stdout.splitlines() or ["said nothing"]
        row.sent = row.arrived = int(lines[-1].split()[0]) if done.returncode == 0 else 0
        if done.returncode != 0:
            row.problems += lines[-10:]

    return guarded([row], work)


def cases(_):
    yield both_ways
    yield mapping
