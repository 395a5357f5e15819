from __future__ import annotations

import pytest

from streams.stores.sqlite import open_sqlite
from tests.contract.held import DIMENSION
from tests.contract.stores import StoreContract


class TestSqlite(StoreContract):
    @pytest.fixture
    async def open_store(self, tmp_path):
        opened = []

        async def open_one():
            opened.append(await open_sqlite(tmp_path / "folder" / "index.db", dimension=DIMENSION))
            return opened[-1]

        yield open_one
        for store in opened:
            await store.close()

    @pytest.fixture
    async def store(self, open_store):
        return await open_store()
