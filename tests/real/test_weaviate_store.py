from __future__ import annotations

import uuid

import pytest

from streams.stores.weaviate import WeaviateConfig, open_weaviate
from tests.contract.held import DIMENSION
from tests.contract.stores import StoreContract


@pytest.fixture
async def config(weaviate):
    """Collections of the test's own, gone when it ends."""
    config = WeaviateConfig(
        weaviate.url, weaviate.grpc_port, dimension=DIMENSION, prefix=f"T{uuid.uuid4().hex[:12]}"
    )
    yield config
    store = await open_weaviate(config)
    for name in (config.passages, config.heads, config.record):
        await store._session.client.collections.delete(name)
    await store.close()


@pytest.fixture
async def open_store(config):
    opened = []

    async def open_one():
        opened.append(await open_weaviate(config))
        return opened[-1]

    yield open_one
    for store in opened:
        await store.close()


@pytest.fixture
async def store(open_store):
    return await open_store()


class TestWeaviate(StoreContract):
    pass
