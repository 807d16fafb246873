# SPDX-License-Identifier: Apache-2.0
"""The comparison itself: it accepts what is equal and notices each kind of damage, and the search
for content finds each word. Without this a table full of "ok" would prove nothing."""

from canaries import NEEDLES, found
from case import Row
from compare import compare, spans_of
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as messages
from route import guarded


def sample():
    """A request of three spans."""
    request = messages.ExportTraceServiceRequest()
    scope = request.resource_spans.add().scope_spans.add()
    for number in range(3):
        span = scope.spans.add(trace_id=bytes(16), span_id=bytes([number]) * 8, name="span")
        span.attributes.add(key="pods").value.array_value.values.add(string_value="a")
        span.events.add(name="event")
    return request


def first(request):
    return request.resource_spans[0].scope_spans[0].spans[0]


def lose_span(request):
    del request.resource_spans[0].scope_spans[0].spans[0]


def repeat_span(request):
    request.resource_spans[0].scope_spans[0].spans.append(first(request))


def add_span(request):
    request.resource_spans[0].scope_spans[0].spans.add(span_id=b"new span")


def change_nested_value(request):
    first(request).attributes[0].value.array_value.values[0].string_value = "b"


def lose_event(request):
    del first(request).events[0]


def change_resource(request):
    request.resource_spans[0].resource.attributes.add(key="added")


def add_unknown_field(request):
    first(request).MergeFromString(b"\xf8\x3f\x01")  # field 1023, varint 1


DAMAGES = [lose_span, repeat_span, add_span, change_nested_value, lose_event, change_resource,
           add_unknown_field]


def check(row):
    original = sample()
    kept = list(spans_of([original]))
    row.sent = len(kept)
    row.problems += compare(kept, [original]).problems
    for damage in DAMAGES:
        got = sample()
        damage(got)
        if len(compare(kept, [got]).problems) != 1:
            row.problems.append(f"unnoticed: {damage.__name__}")


def check_search(row):
    """Each word inside a nested value; nothing where there is none."""
    for place, needles in NEEDLES.items():
        for needle in needles:
            request = sample()
            first(request).attributes.add(key="content").value.array_value.values.add(
                bytes_value=b"<" + needle + b">")
            row.sent += 1
            if found(request.SerializeToString()) != {place}:
                row.problems.append(f"unnoticed: {needle!r}")
    if found(sample().SerializeToString()):
        row.problems.append("found what is not there")


def cases(_):
    for title, body in (("the comparison notices damage", check),
                        ("the search notices content", check_search)):
        yield lambda _, row=Row(title, "-", "-", "-"), body=body: guarded(
            [row], lambda: body(row))
