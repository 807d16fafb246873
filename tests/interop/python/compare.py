# SPDX-License-Identifier: Apache-2.0
"""Compares what an SDK says it exported with what a backend got: span by span, all fields."""

import base64
import json
import struct
from collections import Counter
from dataclasses import dataclass, field

from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as messages
from opentelemetry.proto.trace.v1 import trace_pb2

# The workloads set this attribute on spans that the filter has to drop; its value is the number of
# the condition that does it.
SCRAPE = "interop.scrape"

# Bits of the byte before a recorded request.
TAKEN = 1
JSON_TEXT = 2

# OTLP/JSON writes ids in hexadecimal digits where protobuf's JSON mapping has base64.
IDS = {"traceId", "spanId", "parentSpanId"}


def from_otlp_json(text):
    """The request in ${text}, by protobuf's own reader of JSON."""
    def ids_to_base64(members):
        return {key: base64.b64encode(bytes.fromhex(value)).decode() if key in IDS else value
                for key, value in members}

    return json_format.ParseDict(json.loads(text, object_pairs_hook=ids_to_base64),
                                 messages.ExportTraceServiceRequest(), ignore_unknown_fields=True)


def read_record(path):
    """The requests that a sender recorded: (taken by the receiver?, request). See the senders for
    the form of the file."""
    with open(path, "rb") as file:
        while header := file.read(5):
            flags, length = struct.unpack(">BI", header)
            body = file.read(length)
            yield bool(flags & TAKEN), (
                from_otlp_json(body) if flags & JSON_TEXT
                else messages.ExportTraceServiceRequest.FromString(body))


def spans_of(requests):
    """Every span of ${requests} alone with its scope and resource, as a ResourceSpans."""
    for request in requests:
        for resource_spans in request.resource_spans:
            for scope_spans in resource_spans.scope_spans:
                for span in scope_spans.spans:
                    yield trace_pb2.ResourceSpans(
                        resource=resource_spans.resource,
                        schema_url=resource_spans.schema_url,
                        scope_spans=[trace_pb2.ScopeSpans(
                            scope=scope_spans.scope, schema_url=scope_spans.schema_url,
                            spans=[span])])


def span(alone):
    return alone.scope_spans[0].spans[0]


def scrape_condition(alone):
    """The number of the condition that drops a span; None: it is to arrive."""
    for attribute in span(alone).attributes:
        if attribute.key == SCRAPE:
            return attribute.value.int_value
    return None


def attributes_of(alone):
    """All attributes: resource, scope, span, events and links."""
    one = span(alone)
    holders = [alone.resource, alone.scope_spans[0].scope, one, *one.events, *one.links]
    return [attribute for holder in holders for attribute in holder.attributes]


def value_types(value, into):
    """Adds the names of the types in an AnyValue, nested ones included, to the set ${into}."""
    kind = value.WhichOneof("value")
    into.add(kind or "empty")
    if kind == "array_value":
        for element in value.array_value.values:
            value_types(element, into)
    elif kind == "kvlist_value":
        for element in value.kvlist_value.values:
            value_types(element.value, into)


@dataclass
class Sent:
    """What an SDK exported, by what has to become of it."""
    kept: list = field(default_factory=list)
    scraped: Counter = field(default_factory=Counter)  # condition number -> spans
    failed: list = field(default_factory=list)  # the SDK gave up on their request
    types: set = field(default_factory=set)  # of attribute values

    @classmethod
    def from_record(cls, path):
        sent = cls()
        for taken, request in read_record(path):
            for alone in spans_of([request]):
                sent._add(alone, taken)
        return sent

    def _add(self, alone, taken):
        for attribute in attributes_of(alone):
            value_types(attribute.value, self.types)
        if not taken:
            self.failed.append(alone)
        elif (condition := scrape_condition(alone)) is not None:
            self.scraped[condition] += 1
        else:
            self.kept.append(alone)

    def total(self):
        return len(self.kept) + self.scraped.total() + len(self.failed)


@dataclass
class Comparison:
    arrived: int = 0
    equal_attributes: int = 0
    problems: list = field(default_factory=list)


def differences(expected, got, path=""):
    """Places where two JSON-like values differ, as text."""
    if isinstance(expected, dict) and isinstance(got, dict):
        for key in sorted(expected.keys() | got.keys()):
            yield from differences(expected.get(key), got.get(key), f"{path}.{key}")
    elif isinstance(expected, list) and isinstance(got, list) and len(expected) == len(got):
        for i, pair in enumerate(zip(expected, got)):
            yield from differences(*pair, f"{path}[{i}]")
    elif expected != got:
        yield f"{path}: sent {str(expected)[:80]!r}, got {str(got)[:80]!r}"


def explain(expected, got):
    found = differences(json_format.MessageToDict(expected), json_format.MessageToDict(got))
    return "; ".join(list(found)[:3]) or "only in bytes that have no JSON form"


def compare(kept, requests, uncertain=None):
    """Are the spans ${kept} the ones of ${requests}: each there once, equal in every field, and no
    other? ${uncertain}: spans of which the SDK does not know; they may be there, and any span may
    be there repeatedly, since an answer may be lost on its way."""
    result = Comparison()
    by_id = {}
    for alone in spans_of(requests):
        result.arrived += 1
        by_id.setdefault((span(alone).trace_id, span(alone).span_id), []).append(alone)
    missing = repeated = 0
    different = []
    for expected in kept:
        copies = by_id.pop((span(expected).trace_id, span(expected).span_id), [])
        missing += not copies
        repeated += max(0, len(copies) - 1)
        wire = expected.SerializeToString(deterministic=True)
        wrong = [c for c in copies if c.SerializeToString(deterministic=True) != wire]
        if wrong:
            different.append(f"{span(expected).name!r} {explain(expected, wrong[0])}")
        elif copies:
            result.equal_attributes += len(attributes_of(expected))
    if missing:
        result.problems.append(f"{missing} spans are missing")
    for alone in uncertain or []:
        by_id.pop((span(alone).trace_id, span(alone).span_id), None)
    if repeated and uncertain is None:
        result.problems.append(f"{repeated} spans arrived again")
    if by_id:
        names = sorted({span(copies[0]).name for copies in by_id.values()})
        result.problems.append(f"{len(by_id)} spans should not have arrived: {names[:3]}")
    if different:
        result.problems.append(f"{len(different)} spans differ, the first: {different[0]}")
    return result
