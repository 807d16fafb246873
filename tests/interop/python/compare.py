# SPDX-License-Identifier: Apache-2.0
"""Compares what an SDK says it exported with what a backend got: span by span, all fields."""

import struct
from collections import Counter
from dataclasses import dataclass, field

from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as messages
from opentelemetry.proto.trace.v1 import trace_pb2

# Attributes that the workloads set on spans that are to be dropped: the value of SCRAPE is the
# number of the condition that drops it, OVERSIZE is above the receiver's limit.
SCRAPE = "interop.scrape"
OVERSIZE = "interop.oversize"


def read_record(path):
    """The requests of a record file: each preceded by its length, 4 bytes, big endian."""
    requests = []
    with open(path, "rb") as file:
        while header := file.read(4):
            (length,) = struct.unpack(">I", header)
            request = messages.ExportTraceServiceRequest()
            request.ParseFromString(file.read(length))
            requests.append(request)
    return requests


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


def marker(alone, key):
    """The integer attribute ${key} of a span, None without it."""
    for attribute in span(alone).attributes:
        if attribute.key == key:
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
    kept: list
    scraped: Counter  # condition number -> spans
    oversize: int
    types: set = field(default_factory=set)  # of attribute values

    @classmethod
    def from_record(cls, path):
        sent = cls([], Counter(), 0)
        for alone in spans_of(read_record(path)):
            for attribute in attributes_of(alone):
                value_types(attribute.value, sent.types)
            if (condition := marker(alone, SCRAPE)) is not None:
                sent.scraped[condition] += 1
            elif marker(alone, OVERSIZE) is not None:
                sent.oversize += 1
            else:
                sent.kept.append(alone)
        return sent


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


def compare(kept, requests, repeats_allowed=False):
    """Are the spans ${kept} the ones of ${requests}: each there once, equal in every field, and no
    other? With ${repeats_allowed} once or more."""
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
    if repeated and not repeats_allowed:
        result.problems.append(f"{repeated} spans arrived again")
    if by_id:
        names = sorted({span(copies[0]).name for copies in by_id.values()})
        result.problems.append(f"{len(by_id)} spans should not have arrived: {names[:3]}")
    if different:
        result.problems.append(f"{len(different)} spans differ, the first: {different[0]}")
    return result
