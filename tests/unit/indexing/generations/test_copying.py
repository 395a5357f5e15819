"""Copying all documents of a generation: what is refused, what is waited for, what is left to do."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace

import pytest

from streams.errors import Misconfigured, Rejected, Retryable
from streams.indexing.cutting.cut import HereCutter
from streams.indexing.generations.carry import Carry
from streams.indexing.generations.copying import Copying
from streams.indexing.generations.sidebyside import SideBySide
from streams.indexing.indexer import Indexer
from streams.messages.changes import Change, Document
from streams.messages.records import Offset
from tests.unit.indexing.memory_store import MemoryStore
from tests.unit.indexing.stepping import CHUNKING, Clock, HashEmbedder, as_it_is, paragraphs

CLOCK = Clock()


class Embedder(HashEmbedder):
    """Raises what it is told to for a text, as often as it is told to."""

    def __init__(self, faults=None):
        super().__init__()
        self.faults = faults or {}

    async def embed_documents(self, texts):
        for text in texts:
            if self.faults.get(text):
                raise self.faults[text].pop()
        return await super().embed_documents(texts)


def indexer(store, embedder=None):
    return Indexer(
        store, embedder or HashEmbedder(), cutter=HereCutter(as_it_is, paragraphs), chunking=CHUNKING,
        now=CLOCK.now, monotonic=CLOCK.monotonic,
    )  # fmt: skip


def change(name, text, offset=1):
    document = None if text is None else Document(tenant="t", id=name, text=text)
    at = Offset(topic="docs", partition=0, offset=offset)
    return Change(source="s", record_key=name, at=at, timestamp=offset, document=document, time=offset)


async def filled(*changes):
    store = MemoryStore()
    for one in changes:
        await indexer(store).apply(one)
    return store


async def copy(source, target, embedder=None, **given):
    async def pass_time(seconds):
        CLOCK.t += seconds
        await asyncio.sleep(0)

    carry = Carry(source, target, indexer(target, embedder))
    return await Copying(source, carry, monotonic=CLOCK.monotonic, sleep=pass_time, **given)()


def texts(store):
    return Counter(passage.text for passage in store.held.values())


async def test_every_document_is_there_afterwards_deletions_too_and_nothing_is_done_twice():
    source = await filled(*(change(f"d{n}", f"text {n}") for n in range(450)), change("d7", None, 2))
    target, embedder = MemoryStore(), HashEmbedder()
    copied = await copy(source, target, embedder)
    assert (copied.looked_at, copied.brought) == (450, 450)
    assert {key: target.current(key).position for key in source.all_heads} == {
        key: source.current(key).position for key in source.all_heads
    }
    assert target.current(change("d7", None).key).deleted
    embedder.embedded.clear()
    again = await copy(source, target, embedder)
    assert (again.looked_at, again.brought, embedder.embedded) == (450, 0, [])


async def test_a_copy_that_ended_in_the_middle_goes_on_with_what_is_not_there():
    source = await filled(*(change(f"d{n}", f"text {n}") for n in range(300)))
    target = MemoryStore()
    broken = Embedder({"text 200": [Misconfigured("gone", setting="X")]})
    with pytest.raises(Misconfigured):
        await copy(source, target, broken, slots=4)
    done = len(target.all_heads)
    assert 0 < done < 300
    embedder = HashEmbedder()
    copied = await copy(source, target, embedder)
    assert copied.brought == len(embedder.embedded) == 300 - done


async def test_what_is_refused_is_counted_named_and_holds_up_nothing():
    source = await filled(change("good", "fine"), change("bad", "awful"))
    refusal = Embedder({"awful": [Rejected("no direction", code="bad_vector")]})
    copied = await copy(source, target := MemoryStore(), refusal)
    assert copied.refused == {"bad_vector": 1}
    assert copied.named == [(change("bad", "").key, "bad_vector")]
    assert texts(target) == {"fine": 1}


class Refusing(HashEmbedder):
    """Has no vector for what is odd."""

    async def embed_documents(self, texts):
        if any("odd" in text for text in texts):
            raise Rejected("no direction", code="bad_vector")
        return await super().embed_documents(texts)


def shown(store, name="d"):
    """The text and the readers of a document; None where nothing of it is shown."""
    head = store.current(change(name, "").key)
    if head is None or head.deleted:
        return None
    return [store.held[head.tenant, entry.id].text for entry in head.passages], head.readers


def revoked(offset, text="odd"):
    document = Document(tenant="t", id="d", text=text, readers=("group:hr",))
    return replace(change("d", text, offset), document=document)


async def test_of_a_document_that_is_refused_no_older_state_is_shown_and_it_is_refused_again():
    source, target = await filled(change("d", "salaries")), MemoryStore()
    await copy(source, target)
    await indexer(source).apply(revoked(2))
    for _ in range(2):
        assert (await copy(source, target, Refusing())).refused == {"bad_vector": 1}
        assert shown(target) is None
    assert (await indexer(target).apply(change("d", "salaries"))).reason == "stale"
    assert shown(target) is None


async def test_once_it_is_taken_it_is_shown_as_it_is_by_then():
    source, target = await filled(change("d", "salaries")), MemoryStore()
    await copy(source, target)
    await indexer(source).apply(revoked(2))
    await copy(source, target, Refusing())
    assert (await copy(source, target)).brought == 1
    assert shown(target) == (["odd"], ("group:hr",))


@pytest.mark.parametrize("again", [revoked(2), revoked(3, "fine")], ids=["itself", "a later one"])
async def test_a_change_that_comes_to_it_afterwards_is_the_later_one(again):
    source, target = await filled(change("d", "salaries")), MemoryStore()
    await copy(source, target)
    await indexer(source).apply(revoked(2))
    await copy(source, target, Refusing())
    assert (await indexer(target).apply(again)).outcome == "indexed"
    assert shown(target)[1] == ("group:hr",)


@pytest.mark.parametrize("offset", [2, 5])
async def test_so_it_is_without_times_and_where_nothing_is_between_the_two(offset):
    def untimed(at, said):
        return replace(said, at=Offset(topic="docs", partition=0, offset=at), timestamp=7, time=None)

    first, then = untimed(1, change("d", "salaries")), untimed(offset, revoked(offset))
    source, target = await filled(first), MemoryStore()
    await copy(source, target)
    await indexer(source).apply(then)
    await copy(source, target, Refusing())
    assert shown(target) is None
    assert (await indexer(target).apply(first)).reason == "stale"
    assert (await indexer(target).apply(replace(then, timestamp=6))).outcome == "indexed"
    assert shown(target)[1] == ("group:hr",)


async def test_the_first_record_of_a_topic_that_was_refused_is_brought_once_it_is_taken():
    for time in (None, 7):
        source, target = await filled(replace(revoked(0), time=time)), MemoryStore()
        assert (await copy(source, target, Refusing())).refused == {"bad_vector": 1}
        assert (await copy(source, target)).brought == 1
    assert shown(target) == (["odd"], ("group:hr",))


async def test_what_is_down_is_waited_for_and_said_and_patience_has_an_end():
    source, waits = await filled(change("d", "text")), []
    down = Embedder({"text": [Retryable("down")] * 3})
    copied = await copy(
        source, target := MemoryStore(), down, progress=lambda so_far: waits.append(so_far.waits_for)
    )
    assert waits == [None, "down", "down", "down", None, None]
    assert (copied.brought, texts(target)) == (1, {"text": 1})
    with pytest.raises(Retryable):
        await copy(source, MemoryStore(), Embedder({"text": [Retryable("down")] * 99}), patience_s=20)


async def test_a_document_that_lost_a_passage_is_refused_by_name_of_what_mends_it():
    source = await filled(change("d", "one\n\ntwo"))
    del source.held[next(iter(source.held))]
    copied = await copy(source, target := await filled(change("d", "older", 0)))
    assert copied.refused == {"passages_missing": 1}
    assert shown(target) is None


async def test_of_a_document_that_is_changed_while_it_is_copied_the_later_state_stays():
    source = await filled(change("d", "old"))
    target = await filled(change("d", "new", 2))
    copied = await copy(source, target)
    assert copied.brought == 0
    assert target.current(change("d", "").key).position.time == 2


async def test_work_of_one_key_is_done_in_order_and_of_others_meanwhile():
    done, gates = [], {name: asyncio.Event() for name in ("a1", "a2", "b1")}

    b_done = asyncio.Event()

    async def work(name):
        await gates[name].wait()
        done.append(name)
        if name == "b1":
            b_done.set()

    async def put():
        async with asyncio.TaskGroup() as group:
            side_by_side = SideBySide(group, slots=3)
            for name in gates:
                await side_by_side.put(name[0], lambda name=name: work(name))
            gates["a2"].set()
            gates["b1"].set()
            await b_done.wait()
            assert done == ["b1"]
            gates["a1"].set()

    await put()
    assert done == ["b1", "a1", "a2"]
