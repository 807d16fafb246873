# SPDX-License-Identifier: Apache-2.0
"""A recording of a library for unit tests: one request, without what tells of the machine that it was
made on, and without spans that are like others."""

import re

from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as messages

BYTES_MAX = 60_000
MACHINE = re.compile(r"(host|os|process|k8s|container|thread|code)\.")
FOLDER = re.compile(r"/[\w.+/@-]*/(site-packages|node_modules|lib/python3\.\d+|libraries)/")


def clean_text(text):
    return re.sub(r"(127\.0\.0\.1|localhost):\d+", r"\1:8000", FOLDER.sub(r"/srv/\1/", text))


def clean_value(value):
    kind = value.WhichOneof("value")
    if kind == "string_value":
        value.string_value = clean_text(value.string_value)
    elif kind == "array_value":
        for one in value.array_value.values:
            clean_value(one)
    elif kind == "kvlist_value":
        clean_attributes(value.kvlist_value.values)


def clean_attributes(attributes):
    for at in reversed(range(len(attributes))):
        if MACHINE.match(attributes[at].key):
            del attributes[at]
        else:
            clean_value(attributes[at].value)


def kind_of(scope, span):
    """Spans of one kind tell the same of a policy."""
    return (scope.name, span.name, span.status.code, len(span.events),
            tuple(sorted(a.key for a in span.attributes)))


def clean_span(span):
    if span.HasField("status"):
        span.status.message = clean_text(span.status.message)
    clean_attributes(span.attributes)
    for holder in (*span.events, *span.links):
        clean_attributes(holder.attributes)


def write(requests, path):
    """To the file ${path}."""
    whole, seen = messages.ExportTraceServiceRequest(), set()
    for request in requests:
        copy = messages.ExportTraceServiceRequest.FromString(request.SerializeToString())
        for resource_spans in copy.resource_spans:
            clean_attributes(resource_spans.resource.attributes)
            for scope_spans in resource_spans.scope_spans:
                kept = []
                for span in scope_spans.spans:
                    clean_span(span)
                    if (kind := kind_of(scope_spans.scope, span)) not in seen:
                        seen.add(kind)
                        kept.append(span)
                del scope_spans.spans[:]
                scope_spans.spans.extend(kept)
            whole.resource_spans.append(resource_spans)
    data = whole.SerializeToString()
    if len(data) > BYTES_MAX:
        raise RuntimeError(f"{path} would have {len(data)} bytes")
    with open(path, "wb") as file:
        file.write(data)
