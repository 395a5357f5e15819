"""A row that moved to another key: what its record leaves out is taken from what the old key had."""

from dataclasses import replace

import pytest

from streams import aside
from streams.errors import Rejected
from streams.indexing.cutting.cut import HereCutter
from streams.indexing.indexer import Indexer
from streams.messages.changes import Document, Incomplete, document_key
from tests.unit.indexing.memory_store import MemoryStore
from tests.unit.indexing.shelf import Shelf, row
from tests.unit.indexing.stepping import CHUNKING, as_it_is, paragraphs

HOURS = 3600.0


def written(key, offset, body, **more):
    return replace(row(key, offset, body, **more), row={"body": body})


def left(key, offset, to, *, partition=0, time=10):
    return replace(row(key, offset, None, partition=partition, time=time, order=5), moved_to=to)


def tombstone(key, offset, to):
    return left(key, offset, to)


def came(key, offset, from_, *, partition=1, time=10):
    """The row under its new key, without its body."""
    bare = replace(row(key, offset, None, partition=partition, time=time, order=5), moved_from=from_)

    def fill(before):
        if "body" not in before:
            raise Rejected("left out", code="unavailable_value")
        document = Document(tenant="t", id=key, text=before["body"])
        return replace(bare, document=document, row={"body": before["body"]})

    return replace(bare, document=Incomplete(("body",), fill))


@pytest.fixture
def shelf():
    return Shelf(MemoryStore())


async def kept(shelf, *keys):
    """The rows that deletions keep."""
    heads = [head for key in keys for head in await shelf.heads(document_key("cms", key))]
    return [head.row for head in heads if head.deleted and head.row]


async def test_the_new_row_has_what_the_old_one_had_and_nothing_stays_of_that(shelf):
    await shelf.apply(written("a", 1, "old", time=1), written("a", 2, "new", time=2))
    await shelf.apply(left("a", 3, "b"), tombstone("a", 4, "b"), came("b", 1, "a"))
    assert await shelf.shown() == {"b": ("t", "new")}
    assert await kept(shelf, "a", "b") == []


async def test_it_has_it_however_much_later_it_comes(shelf):
    await shelf.apply(written("a", 1, "text", time=1), left("a", 2, "b"), tombstone("a", 3, "b"))
    await shelf.tidy(seconds=HOURS)
    assert [head.row for head in await shelf.heads(document_key("cms", "a"))] == [{"body": "text"}]
    await shelf.apply(came("b", 1, "a"))
    assert await shelf.shown() == {"b": ("t", "text")}


async def test_a_deletion_of_a_row_that_did_not_move_keeps_nothing_of_it(shelf):
    await shelf.apply(written("a", 1, "text", time=1), row("a", 2, None, time=10, order=5))
    await shelf.apply(row("a", 3, None, time=10, order=5))
    assert await kept(shelf, "a") == []


async def test_a_deletion_that_comes_after_the_new_row_keeps_nothing(shelf):
    await shelf.apply(written("a", 1, "text", time=1))
    await shelf.apply(replace(written("b", 1, "text", partition=1, time=10, order=5), moved_from="a"))
    await shelf.apply(left("a", 2, "b"), tombstone("a", 3, "b"))
    assert await shelf.shown() == {"b": ("t", "text")}
    assert await kept(shelf, "a", "b") == []


async def test_the_new_row_waits_for_the_deletion_that_is_under_way(shelf):
    await shelf.apply(written("a", 1, "text", time=1))
    pauses = []

    async def sleep(seconds):
        pauses.append(seconds)
        if len(pauses) == 3:
            await shelf.apply(left("a", 2, "b"))

    indexer = Indexer(
        shelf.store,
        shelf.embedder,
        cutter=HereCutter(as_it_is, paragraphs),
        chunking=CHUNKING,
        now=shelf.clock.now,
        monotonic=shelf.clock.monotonic,
    )
    with aside.slept(sleep):
        await indexer.apply(came("b", 1, "a"))
    assert await shelf.shown() == {"b": ("t", "text")}
    assert len(pauses) == 3


async def test_without_the_deletion_the_new_row_is_refused_and_can_be_sent_back_after_it(shelf):
    await shelf.apply(written("a", 1, "before", time=1))
    with pytest.raises(Rejected):
        await shelf.apply(came("b", 1, "a"))
    await shelf.apply(written("a", 2, "after", time=2), left("a", 3, "b"), tombstone("a", 4, "b"))
    await shelf.apply(came("b", 1, "a"))
    assert await shelf.shown() == {"b": ("t", "after")}


async def test_a_row_that_was_deleted_and_made_again_is_no_row_that_moved(shelf):
    """The old key's deletion is of another time."""
    await shelf.apply(written("a", 1, "text", time=1), left("a", 2, "b", time=9))
    with pytest.raises(Rejected):
        await shelf.apply(came("b", 1, "a", time=11))
    assert await shelf.shown() == {}


async def test_two_rows_that_change_places_have_each_their_own(shelf):
    await shelf.apply(written("a", 1, "one", time=1), written("b", 2, "two", time=1))
    await shelf.apply(left("a", 3, "x", time=11), came("x", 1, "a", time=11))
    await shelf.apply(left("b", 4, "a", time=12), came("a", 5, "b", partition=0, time=12))
    await shelf.apply(left("x", 2, "b", partition=1, time=13), came("b", 6, "x", partition=0, time=13))
    assert await shelf.shown() == {"a": ("t", "two"), "b": ("t", "one")}
    assert await kept(shelf, "a", "b", "x") == []


async def test_all_of_it_sent_again_changes_nothing(shelf):
    changes = [written("a", 1, "text", time=1), left("a", 2, "b"), tombstone("a", 3, "b"), came("b", 1, "a")]
    await shelf.apply(*changes)
    for again in (changes, changes[1:], changes[::-1]):
        await shelf.apply(*again)
        assert await shelf.shown() == {"b": ("t", "text")}
        assert await kept(shelf, "a", "b") == []
