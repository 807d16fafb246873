# SPDX-License-Identifier: Apache-2.0
"""A client and a server of the Model Context Protocol in one process, which trace by themselves."""

import asyncio

from mcp import Client
from mcp.server.mcpserver import MCPServer

import mcp_server
from telemetry import provider

provider()


async def main():
    async with Client(mcp_server.fill(MCPServer("archive"))) as client:
        await mcp_server.ask(client)


asyncio.run(main())
