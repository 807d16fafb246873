# SPDX-License-Identifier: Apache-2.0
"""Pydantic AI under Logfire, and Logfire's own spans and messages."""

import logfire
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

from telemetry import MODEL, SAID, URL, exporter, look_up

logfire.configure(send_to_logfire=False, console=False, service_name="assistant", scrubbing=False,
                  additional_span_processors=[BatchSpanProcessor(exporter())])
logfire.instrument_pydantic_ai(version=2)
model = OpenAIChatModel(MODEL, provider=OpenAIProvider(base_url=URL, api_key=SAID["api-key"]))
agent = Agent(model, name="assistant", system_prompt=SAID["system"], tools=[look_up],
              retries=1)
with logfire.span("Answer {question}", question=SAID["prompt"], note=SAID["metadata"]):
    agent.run_sync(SAID["prompt"])
    logfire.info("found {document} for {user_id}", document=SAID["document"], user_id=SAID["user"])
    try:
        raise ValueError(SAID["error"])
    except ValueError:
        logfire.exception("could not answer")
logfire.force_flush()
