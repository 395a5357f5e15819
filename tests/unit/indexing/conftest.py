from __future__ import annotations

import pytest

from streams.stores.sqlite import open_sqlite
from tests.unit.indexing.memory_store import MemoryStore
from tests.unit.indexing.shelf import Shelf


@pytest.fixture(params=["memory", "sqlite"])
async def shelf(request):
    """An empty index, in each of two stores."""
    if request.param == "memory":
        yield Shelf(MemoryStore())
        return
    store = await open_sqlite(None, dimension=2)
    yield Shelf(store)
    await store.close()
