# SPDX-License-Identifier: Apache-2.0
"""One agent of CrewAI with one task and one tool."""

from crewai import LLM, Agent, Crew, Task
from crewai.tools import BaseTool

from telemetry import MODEL, SAID, URL


class LookUp(BaseTool):
    name: str = "look_up"
    description: str = SAID["tool-description"]

    def _run(self, query: str) -> str:
        return SAID["tool-result"]


def call():
    llm = LLM(model="openai/" + MODEL, base_url=URL, api_key=SAID["api-key"])
    agent = Agent(role="Researcher", goal=SAID["template"].split("{")[0], llm=llm,
                  backstory=SAID["system"], tools=[LookUp()], max_iter=3)
    task = Task(description=SAID["prompt"], expected_output=SAID["metadata"], agent=agent)
    Crew(agents=[agent], tasks=[task]).kickoff(inputs={"question": SAID["template-variable"]})
