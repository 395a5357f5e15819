"""A generation that is read from topics that lost the record which gave a later one its time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from streams.indexing.cutting.cut import HereCutter
from streams.indexing.generations.carry import Carry
from streams.indexing.generations.copying import Copying
from streams.indexing.indexer import Indexer
from streams.messages.changes import Change, Document
from streams.messages.records import Offset
from streams.reconcile.mending import deletion
from tests.unit.indexing.memory_store import MemoryStore
from tests.unit.indexing.stepping import CHUNKING, Clock, HashEmbedder, as_it_is, paragraphs

HOUR_NS = 3_600 * 10**9


def record(offset, text="salaries", *, readers=("*",), time=None, order=None):
    document = None if text is None else Document(tenant="t", id="d", text=text, readers=readers)
    at = Offset(topic="docs", partition=0, offset=offset)
    return Change(source="s", record_key="d", at=at, timestamp=5, document=document, time=time, order=order)


UPDATE, ROW = record(1, "old", time=9), record(2)
READ_ANEW = replace(ROW, document=replace(ROW.document, readers=("group:hr",)))


class Index:
    """Two generations, and a clock that goes on with each change."""

    def __init__(self):
        self.clock, self.live, self.new = Clock(), MemoryStore(), MemoryStore()

    def indexer(self, store):
        return Indexer(
            store, HashEmbedder(), cutter=HereCutter(as_it_is, paragraphs), chunking=CHUNKING,
            now=self.clock.now, monotonic=self.clock.monotonic,
        )  # fmt: skip

    async def apply(self, store, *changes):
        for one in changes:
            self.clock.t += 1
            applied = await self.indexer(store).apply(one)
        return applied

    async def copy(self):
        carry = Carry(self.live, self.new, self.indexer(self.new), now=self.clock.now)
        return await Copying(self.live, carry, monotonic=self.clock.monotonic)()

    def readers(self):
        head = self.new.current(ROW.key)
        return None if head.deleted else head.readers


@pytest.fixture
def index():
    return Index()


async def test_what_was_read_anew_stays_as_it_was_read_and_stands_where_it_stood(index):
    await index.apply(index.live, UPDATE, ROW)
    await index.apply(index.new, READ_ANEW)
    copied = await index.copy()
    assert (copied.brought, copied.replaced, index.readers()) == (0, 0, ("group:hr",))
    assert index.new.current(ROW.key).position == index.live.current(ROW.key).position
    assert (await index.apply(index.new, UPDATE)).reason == "stale"
    assert (await index.copy()).brought == 0


async def test_a_worker_that_carries_the_document_meanwhile_leaves_it_too(index):
    await index.apply(index.live, UPDATE, ROW)
    await index.apply(index.new, READ_ANEW)
    carry = Carry(index.live, index.new, index.indexer(index.new), now=index.clock.now)
    assert await carry.bring(ROW.key) == "there"
    assert index.readers() == ("group:hr",)


async def test_what_the_live_one_read_later_still_is_carried_and_counted(index):
    await index.apply(index.new, ROW)
    await index.apply(index.live, UPDATE, READ_ANEW)
    copied = await index.copy()
    assert (copied.brought, copied.replaced, index.readers()) == (1, 1, ("group:hr",))


async def test_another_record_of_the_document_is_carried(index):
    await index.apply(index.live, UPDATE, ROW, record(3, "newer", readers=("group:board",)))
    await index.apply(index.new, READ_ANEW)
    assert ((await index.copy()).replaced, index.readers()) == (1, ("group:board",))


async def test_a_repair_took_the_document_away_and_it_stays_away(index):
    await index.apply(index.live, UPDATE, ROW)
    await index.apply(index.live, deletion(index.live.current(ROW.key)))
    await index.apply(index.new, READ_ANEW)
    await index.copy()
    assert index.readers() is None


async def test_a_row_that_is_read_as_deleted_now_is_deleted(index):
    await index.apply(index.live, UPDATE, ROW)
    await index.apply(index.new, record(2, None))
    await index.copy()
    assert index.readers() is None


async def test_a_time_that_was_raised_to_that_of_a_statement_before_it_makes_no_other_record(index):
    before = replace(record(1, "old", time=HOUR_NS // 2, order=1), early=True)
    then = replace(record(2, time=7, order=2), early=True)
    await index.apply(index.live, before, then)
    await index.apply(index.new, replace(then, document=READ_ANEW.document))
    await index.copy()
    assert index.readers() == ("group:hr",)


async def test_of_one_record_that_says_two_things_the_later_one_counts(index):
    await index.apply(index.live, record(2, "first", time=5), record(2, "second", time=6, readers=("a",)))
    await index.apply(index.new, record(2, "first", time=5))
    await index.copy()
    assert index.readers() == ("a",)
