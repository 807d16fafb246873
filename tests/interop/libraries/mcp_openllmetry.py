# SPDX-License-Identifier: Apache-2.0
"""A client and a server of the Model Context Protocol in one process under OpenLLMetry: a tool that
answers, one that fails, a prompt, a resource."""

import asyncio

from opentelemetry.instrumentation.mcp import McpInstrumentor

from telemetry import SAID, provider

McpInstrumentor().instrument(tracer_provider=provider())

from mcp.server.fastmcp import FastMCP  # noqa: E402: after the instrumentation
from mcp.shared.memory import create_connected_server_and_client_session  # noqa: E402

import mcp_server  # noqa: E402


async def main():
    server = mcp_server.fill(FastMCP("archive"))
    async with create_connected_server_and_client_session(server._mcp_server) as client:
        await mcp_server.ask(client)


asyncio.run(main())
