# SPDX-License-Identifier: Apache-2.0
"""An agent of Agno under OpenInference."""

from openinference.instrumentation.agno import AgnoInstrumentor

from telemetry import MODEL, SAID, URL, look_up, provider

AgnoInstrumentor().instrument(tracer_provider=provider())

from agno.agent import Agent  # noqa: E402: after the instrumentation
from agno.models.openai.like import OpenAILike  # noqa: E402

agent = Agent(name="assistant", model=OpenAILike(id=MODEL, base_url=URL, api_key=SAID["api-key"]),
              tools=[look_up], instructions=SAID["system"], user_id=SAID["user"],
              session_id=SAID["session"], telemetry=False)
agent.run(SAID["prompt"])
for _ in agent.run(SAID["prompt"], stream=True):
    pass
