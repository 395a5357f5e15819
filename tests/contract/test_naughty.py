"""Strings that break parsers, through the whole of indexing and back: decoded, cut, embedded, held, found."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime

import pytest

from streams.confined.cutter import ConfinedCutter
from streams.confined.wire import Limits
from streams.errors import Rejected
from streams.indexing.cutting.chunk import Chunking
from streams.indexing.indexer import Indexer
from streams.messages.changes import Change, Document
from streams.messages.records import Offset
from streams.ports import SearchQuery
from streams.stores.sqlite import open_sqlite
from tests.checker import index_differences
from tests.unit.indexing.stepping import HashEmbedder

CHUNKING = Chunking(64)


@pytest.fixture
async def indexing(tmp_path):
    """A store in a file, and an indexer on it."""
    store = await open_sqlite(tmp_path / "index.db", dimension=HashEmbedder.dimension)
    cutter = ConfinedCutter(Limits(cpu_s=30.0), processes=1, monotonic=time.monotonic)
    indexer = Indexer(
        store,
        HashEmbedder(),
        cutter=cutter,
        chunking=CHUNKING,
        now=lambda: datetime.now(UTC),
        monotonic=time.monotonic,
    )
    yield indexer, store
    await cutter.close()
    await store.close()


def change(number, text, media_type):
    name = f"{media_type}/{number}"
    document = Document(tenant="acme", id=name, text=text, title=text[:500], media_type=media_type)
    return Change("s", name, Offset(topic="t", partition=0, offset=number), 0, document)


@pytest.mark.parametrize("media_type", ["text/plain", "text/markdown", "text/html"])
async def test_a_naughty_string_is_held_as_it_is_and_may_be_asked_for(indexing, media_type, test_data):
    indexer, store = indexing
    naughty = json.loads((test_data / "naughty" / "blns.json").read_text())
    changes = [change(number, text, media_type) for number, text in enumerate(naughty)]
    for one in changes:
        applied = await indexer.apply(one)
        assert applied.outcome == "indexed"
    assert await index_differences(store, changes, CHUNKING) == []
    for text in naughty:
        await store.hybrid(SearchQuery(tenant="acme", text=text, vector=(1.0, 0.0), alpha=0.3))


@pytest.mark.parametrize("text", ["\ud800", "a\udfffb"])
async def test_half_a_character_is_refused_and_nothing_of_it_is_held(indexing, text):
    indexer, store = indexing
    one = change(0, text, "text/plain")
    with pytest.raises(Rejected) as caught:
        await indexer.apply(one)
    assert caught.value.code == "not_utf8"
    assert not (await store.heads([one.key])).get(one.key)
