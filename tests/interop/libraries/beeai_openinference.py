# SPDX-License-Identifier: Apache-2.0
"""An agent of BeeAI under OpenInference."""

import asyncio

from openinference.instrumentation.beeai import BeeAIInstrumentor

from telemetry import MODEL, SAID, URL, provider

BeeAIInstrumentor().instrument(tracer_provider=provider())

from beeai_framework.adapters.openai import OpenAIChatModel  # noqa: E402: after it
from beeai_framework.agents.requirement import RequirementAgent  # noqa: E402
from beeai_framework.tools import tool  # noqa: E402


def _look_up(query: str) -> str:
    return SAID["tool-result"]


look_up = tool(name="look_up", description=SAID["tool-description"])(_look_up)


async def main():
    model = OpenAIChatModel(MODEL, base_url=URL, api_key=SAID["api-key"])
    agent = RequirementAgent(llm=model, tools=[look_up], instructions=SAID["system"])
    await agent.run(SAID["prompt"])


asyncio.run(main())
