"""A row that moves to another key while a generation is built, and around the switch to it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from streams.errors import Rejected
from streams.indexing.cutting.cut import HereCutter
from streams.indexing.generations.carry import Carry
from streams.indexing.generations.copying import Copying
from streams.indexing.generations.following import Followed, FollowingIndexer, Writing
from streams.indexing.indexer import Indexer
from streams.messages.changes import Document, Incomplete, document_key
from streams.ports import Generation, Generations
from tests.unit.indexing.memory_store import MemoryStore
from tests.unit.indexing.shelf import row
from tests.unit.indexing.stepping import CHUNKING, Clock, HashEmbedder, as_it_is, paragraphs

OLD, NEW = Generation("old", 2, CHUNKING.name), Generation("new", 2, CHUNKING.name, "g2")
BEFORE = Generations(OLD)
BUILDING = Generations(OLD, building=NEW, made=2)
SWITCHED = Generations(NEW, previous=OLD, made=2)

HERE = replace(row("a", 1, "the secret text", time=1), row={"body": "the secret text"})
GONE = replace(row("a", 2, None, time=10, order=5), moved_to="b")
TOMBSTONE = replace(GONE, at=GONE.at.model_copy(update={"offset": 3}))


def come():
    bare = replace(row("b", 1, None, partition=1, time=10, order=5), moved_from="a")

    def fill(before):
        if "body" not in before:
            raise Rejected("left out", code="unavailable_value")
        return replace(bare, document=Document(tenant="t", id="b", text=before["body"]), row=dict(before))

    return replace(bare, document=Incomplete(("body",), fill))


class Index:
    """Two generations, and the record of them."""

    def __init__(self):
        self.clock, self.record = Clock(), BEFORE
        self.stores = {OLD.name: MemoryStore(), NEW.name: MemoryStore()}

    async def _no_sleep(self, _seconds):
        pass

    def indexer(self, name):
        return Indexer(
            self.stores[name], HashEmbedder(), cutter=HereCutter(as_it_is, paragraphs), chunking=CHUNKING,
            now=self.clock.now, monotonic=self.clock.monotonic, sleep=self._no_sleep,
        )  # fmt: skip

    async def apply(self, *changes, mirrored=False):
        async def follow():
            return Followed(self.record, mirrored)

        async def write(generation):
            return Writing(generation, self.stores[generation.name], self.indexer(generation.name))

        for one in changes:
            await FollowingIndexer(follow, write).apply(one)

    def carry(self, source=OLD.name, target=NEW.name):
        return Carry(self.stores[source], self.stores[target], self.indexer(target), now=self.clock.now)

    async def copy(self):
        return await Copying(self.stores[OLD.name], self.carry(), monotonic=self.clock.monotonic)()

    def kept(self):
        """Where a deletion keeps a row."""
        return [
            name
            for name, store in self.stores.items()
            if any(head.row and head.deleted for heads in store.all_heads.values() for head in heads.values())
        ]

    def text(self, name):
        store = self.stores[name]
        head = store.current(document_key("cms", "b"))
        return [store.held[head.tenant, entry.id].text for entry in head.passages]


@pytest.fixture
def index():
    return Index()


@pytest.mark.parametrize("changes", [[GONE, come()], [GONE, TOMBSTONE, come()], [GONE, come(), TOMBSTONE]])
async def test_nothing_of_it_stays_in_the_new_one_when_both_its_changes_are_applied(index, changes):
    index.record = BUILDING
    await index.apply(HERE, *changes)
    assert index.text(NEW.name) == ["the secret text"]
    assert index.kept() == []


async def test_a_row_that_came_to_its_new_key_before_it_left_the_old_one_leaves_nothing_either(index):
    index.record = BUILDING
    whole = replace(row("b", 1, "the secret text", partition=1, time=10, order=5), moved_from="a")
    await index.apply(HERE, whole, GONE, TOMBSTONE)
    assert index.kept() == []


@pytest.mark.parametrize("mirrored", [True, False])
async def test_a_row_that_is_between_its_keys_when_the_switch_comes_has_its_text(index, mirrored):
    await index.apply(HERE)
    index.record = BUILDING
    await index.copy()
    await index.apply(GONE, TOMBSTONE)
    assert index.kept() == [OLD.name, NEW.name]
    index.record = SWITCHED
    await index.apply(come(), mirrored=mirrored)
    assert index.text(NEW.name) == ["the secret text"]
    assert index.kept() == ([] if mirrored else [OLD.name])


async def test_a_copy_takes_away_what_a_worker_that_was_killed_left(index):
    index.record = BUILDING
    await index.apply(HERE, GONE)
    await index.indexer(OLD.name).apply(come())
    assert index.kept() == [NEW.name]
    await index.copy()
    assert index.kept() == []


async def test_a_deletion_that_is_carried_while_its_row_is_let_go_keeps_none(index):
    await index.apply(HERE)
    await index.copy()
    await index.apply(GONE)
    carry, target = index.carry(), index.stores[NEW.name]
    write = target.write_heads

    async def late(heads):
        target.write_heads = write
        index.record = BUILDING
        await index.apply(come())
        await write(heads)

    target.write_heads = late
    await carry.bring(GONE.key)
    assert index.text(NEW.name) == ["the secret text"]
    assert index.kept() == []
