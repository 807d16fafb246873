# SPDX-License-Identifier: Apache-2.0
"""One question to an agent of Google's ADK that has a tool."""

from google.adk.agents import Agent
from google.adk.runners import InMemoryRunner
from google.genai import types

from telemetry import MODEL, SAID, look_up


async def call():
    agent = Agent(name="assistant", model="gemini-" + MODEL, instruction=SAID["system"],
                  tools=[look_up])
    runner = InMemoryRunner(agent=agent, app_name="interop")
    session = await runner.session_service.create_session(
        app_name="interop", user_id=SAID["user"], session_id=SAID["session"])
    async for _ in runner.run_async(
            user_id=session.user_id, session_id=session.id,
            new_message=types.Content(role="user", parts=[types.Part(text=SAID["prompt"])])):
        pass
