"""What commands on generations are tried on."""

from __future__ import annotations

import pytest

from streams.stores.sqlite import open_sqlite_index
from tests.unit.worker.world import World, stubbed


@pytest.fixture
async def world(tmp_path):
    index = await open_sqlite_index(tmp_path / "index.db")
    async with stubbed() as client:
        world = World(index, client, tmp_path / "index.db")
        await world.begin()
        yield world
    await index.close()
