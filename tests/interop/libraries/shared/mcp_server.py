# SPDX-License-Identifier: Apache-2.0
"""A server of the Model Context Protocol with a tool that answers, one that fails, a prompt and a
resource; and what a client asks it."""

from contextlib import suppress

from telemetry import SAID


def fill(server):
    @server.tool(description=SAID["tool-description"])
    def look_up(query: str) -> str:
        return SAID["tool-result"]

    @server.tool()
    def broken(query: str) -> str:
        raise ValueError(SAID["error"])

    @server.prompt()
    def question(topic: str) -> str:
        return SAID["prompt"]

    @server.resource("archive://page")
    def page() -> str:
        return SAID["document"]

    return server


async def ask(client):
    await client.list_tools()
    await client.call_tool("look_up", {"query": SAID["arguments"]})
    await client.call_tool("broken", {"query": SAID["arguments"]})
    await client.get_prompt("question", {"topic": SAID["template-variable"]})
    await client.read_resource("archive://page")
    with suppress(Exception):  # there is none of this name
        await client.get_prompt(SAID["query"], {})
