# SPDX-License-Identifier: Apache-2.0
"""What all programs of ../ share: the texts to say, where the made-up models are, and a tracer
provider that sends to the driver."""

import json
import os

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

SAID = json.loads(os.environ["INTEROP_SAID"])
BASE = os.environ["INTEROP_MODELS"]
URL = BASE + "/v1"
MODEL, BROKEN = "interop-7b", "broken-7b"
QUERY = {"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]}


def exporter():
    """To OTEL_EXPORTER_OTLP_ENDPOINT."""
    return OTLPSpanExporter()


def provider():
    """Becomes the global one; sends what is left when the program ends."""
    made = TracerProvider(resource=Resource.create({"service.name": "assistant"}))
    made.add_span_processor(BatchSpanProcessor(exporter()))
    trace.set_tracer_provider(made)
    return made


def look_up(query: str) -> str:
    return SAID["tool-result"]


look_up.__doc__ = SAID["tool-description"]
