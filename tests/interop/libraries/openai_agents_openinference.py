# SPDX-License-Identifier: Apache-2.0
"""OpenAI's agents under OpenInference."""

from agents import Agent, OpenAIResponsesModel, Runner, function_tool, set_trace_processors
from openai import AsyncOpenAI
from openinference.instrumentation.openai_agents import OpenAIAgentsInstrumentor

from telemetry import MODEL, SAID, URL, look_up, provider

set_trace_processors([])
OpenAIAgentsInstrumentor().instrument(tracer_provider=provider())
model = OpenAIResponsesModel(MODEL, AsyncOpenAI(base_url=URL, api_key=SAID["api-key"]))
agent = Agent(name="assistant", instructions=SAID["system"], model=model,
              tools=[function_tool(look_up, description_override=SAID["tool-description"])])
Runner.run_sync(agent, SAID["prompt"])
