# SPDX-License-Identifier: Apache-2.0
"""An agent of smolagents under OpenInference."""

from openinference.instrumentation.smolagents import SmolagentsInstrumentor

from telemetry import MODEL, SAID, URL, provider

SmolagentsInstrumentor().instrument(tracer_provider=provider())

from smolagents import OpenAIModel, Tool, ToolCallingAgent  # noqa: E402: after the instrumentation


class LookUp(Tool):
    name = "look_up"
    description = SAID["tool-description"]
    inputs = {"query": {"type": "string", "description": SAID["tool-description"]}}
    output_type = "string"

    def forward(self, query):
        return SAID["tool-result"]


model = OpenAIModel(MODEL, api_base=URL, api_key=SAID["api-key"])
ToolCallingAgent([LookUp()], model, max_steps=3, instructions=SAID["system"]).run(SAID["prompt"])
