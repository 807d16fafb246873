# SPDX-License-Identifier: Apache-2.0
"""OpenAI's client under Logfire."""

import logfire
from opentelemetry.sdk.trace.export import BatchSpanProcessor

import openai_calls
from telemetry import exporter

logfire.configure(send_to_logfire=False, console=False, service_name="assistant", scrubbing=False,
                  additional_span_processors=[BatchSpanProcessor(exporter())])
client = openai_calls.client()
logfire.instrument_openai(client)
openai_calls.call(client)
logfire.force_flush()
