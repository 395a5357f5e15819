"""What gateways meet."""

from __future__ import annotations

import asyncio

import pytest


@pytest.fixture
async def silent():
    """The address of a server that says nothing."""
    held = []

    async def hold(_reader, writer):
        held.append(writer)

    server = await asyncio.start_server(hold, "127.0.0.1", 0)
    yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()
    for writer in held:
        writer.close()
