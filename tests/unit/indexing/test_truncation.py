from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import permutations

import pytest

from streams.answering.retrieval.retrieve import retrieve
from streams.errors import Rejected, Retryable
from streams.indexing.generations.carry import Carry
from streams.indexing.vacuum.vacuum import Vacuum
from streams.messages.changes import Incomplete, floor_key
from streams.messages.floors import is_swept
from streams.messages.held import current
from streams.messages.position import Position
from streams.messages.receipts import PassageCounts
from streams.ports import SearchQuery
from tests.unit.indexing.memory_store import MemoryStore
from tests.unit.indexing.shelf import Shelf, place, row, truncation

FLOOR = floor_key("cms")
DAY = 86_400.0


async def test_a_truncation_takes_all_documents_of_its_source_at_once(shelf):
    await shelf.apply(row("a", 1, "one\n\ntwo"), row("b", 2, "three"))
    await shelf.apply(replace(row("w", 1, "four"), source="wiki"))
    applied = await shelf.apply(truncation(3))
    assert (applied.outcome, applied.reason, applied.passages) == ("deleted", None, PassageCounts())
    assert (applied.tenant, applied.document_id, applied.position) == (None, None, Position(0, 0, 3, 3))
    assert await shelf.shown() == {"w": ("t", "four")}


async def test_what_is_changed_after_it_lives(shelf):
    await shelf.apply(row("a", 1, "old"), truncation(3), row("a", 4, "new"), row("c", 5, "third"))
    assert await shelf.shown() == {"a": ("t", "new"), "c": ("t", "third")}


async def test_what_was_changed_before_it_and_comes_late_is_stale(shelf):
    await shelf.apply(row("a", 1, "old"), truncation(5))
    for late in (row("a", 2, "late"), row("b", 3, "never seen"), row("b", 4, None)):
        applied = await shelf.apply(late)
        assert (applied.outcome, applied.reason) == ("ignored", "stale")
        assert applied.position == Position(0, 0, 5, 5)
    assert await shelf.shown() == {}
    assert shelf.embedder.embedded == ["old"]


async def test_a_truncation_that_comes_late_spares_what_was_changed_after_it(shelf):
    await shelf.apply(row("a", 1, "old"), row("b", 2, "old"), row("a", 6, "new"), row("c", 7, "third"))
    await shelf.apply(truncation(5))
    assert await shelf.shown() == {"a": ("t", "new"), "c": ("t", "third")}


async def test_one_that_comes_again_or_after_a_later_one_is_stale(shelf):
    await shelf.apply(row("a", 1, "old"), truncation(5), row("a", 6, "new"), truncation(8), row("a", 9, "x"))
    for again in (truncation(8), truncation(5)):
        applied = await shelf.apply(again)
        assert (applied.outcome, applied.reason, applied.position) == (
            "ignored", "stale", Position(0, 0, 8, 8),
        )  # fmt: skip
    assert await shelf.shown() == {"a": ("t", "x")}


async def test_the_sources_own_time_decides_and_within_a_transaction_its_order(shelf):
    await shelf.apply(
        row("before", 9, "x", time=4, order=99),
        row("a", 11, "x", time=5, order=1),
        row("b", 13, "x", time=5, order=3),
        row("after", 1, "x", time=6, order=0),
        truncation(12, time=5, order=2),
    )
    assert set(await shelf.shown()) == {"b", "after"}
    assert (await shelf.apply(row("c", 20, "x", time=5, order=1))).reason == "stale"
    assert (await shelf.apply(row("c", 2, "x", time=5, order=4))).outcome == "indexed"


@pytest.mark.parametrize("floor_first", [False, True])
@pytest.mark.parametrize(
    ("one", "lives"),
    [
        (row("a", 6, "x", timestamp=90), True),
        (row("a", 4, "x", timestamp=90), False),
        (row("a", 4, "x", timestamp=100), False),
        (row("a", 4, "x", timestamp=110), True),
        (row("a", 9, "x", timestamp=99, partition=1), False),
        (row("a", 3, "x", timestamp=100, partition=1), True),
        (row("a", 9, "x", timestamp=100, partition=1), True),
        (row("a", 3, "x", timestamp=101, partition=1), True),
    ],
)
async def test_between_equal_times_the_log_decides_and_across_partitions_a_doubt_spares(
    shelf, one, lives, floor_first
):
    floor = truncation(5, timestamp=100)
    await shelf.apply(*((floor, one) if floor_first else (one, floor)))
    assert set(await shelf.shown()) == ({"a"} if lives else set())
    await shelf.tidy()
    assert set(await shelf.shown()) == ({"a"} if lives else set())


async def test_a_change_without_a_time_of_its_own_is_at_the_floors_where_its_document_is_gone(shelf):
    await shelf.apply(row("a", 1, "old", time=4), truncation(5, time=9))
    gone = await shelf.apply(row("a", 6, None))
    assert (gone.outcome, gone.reason, gone.position) == ("ignored", "absent", Position(9, 0, 6, 6))
    assert (gone.tenant, gone.document_id) == ("t", "a")
    written = await shelf.apply(row("a", 7, "new"))
    assert (written.outcome, written.position) == ("indexed", Position(9, 0, 7, 7))
    assert (await shelf.apply(row("b", 4, "of before"))).reason == "stale"
    assert await shelf.shown() == {"a": ("t", "new")}


SNAPSHOT = row("a", 6, "as it was read")


@pytest.mark.parametrize("place_of_the_truncation", range(3))
async def test_a_row_that_a_snapshot_read_after_it_lives_in_whatever_order_they_come(
    shelf, place_of_the_truncation
):
    said = [row("a", 1, "old", time=4), SNAPSHOT]
    said.insert(place_of_the_truncation, truncation(5, time=9))
    await shelf.apply(*said)
    await shelf.tidy()
    assert await shelf.shown() == {"a": ("t", "as it was read")}
    for late in (row("a", 2, "late", time=5), row("a", 3, None, time=6), row("a", 4, "of before")):
        assert (await shelf.apply(late)).reason == "stale"
    await shelf.tidy()
    assert await shelf.shown() == {"a": ("t", "as it was read")}
    assert (await shelf.apply(row("a", 7, "new", time=10))).outcome == "indexed"
    assert await shelf.shown() == {"a": ("t", "new")}


@pytest.mark.parametrize("said", list(permutations([row("a", 1, "as it was read"), truncation(5, time=9)])))
async def test_a_row_that_a_snapshot_read_before_it_is_gone_in_whatever_order_they_come(shelf, said):
    await shelf.apply(*said)
    assert await shelf.shown() == {}
    await shelf.tidy()
    assert (await shelf.on_disk(), await shelf.shown()) == (0, {})


async def test_a_truncation_that_its_source_sends_again_is_stale_and_takes_nothing(shelf):
    await shelf.apply(truncation(5, time=9, order=2), SNAPSHOT)
    applied = await shelf.apply(truncation(8, time=9, order=2))
    assert (applied.outcome, applied.reason) == ("ignored", "stale")
    assert set(await shelf.shown()) == {"a"}
    assert (await shelf.apply(truncation(9, time=9, order=3))).outcome == "deleted"
    assert await shelf.shown() == {}


async def test_who_was_frozen_while_a_truncation_was_swept_writes_a_head_that_counts(shelf):
    await shelf.apply(row("a", 1, "old", time=4))
    write = shelf.store.write_heads

    async def frozen(heads):
        shelf.store.write_heads = write
        await shelf.apply(truncation(5, time=9))
        await shelf.tidy(looks=3)
        await write(heads)

    shelf.store.write_heads = frozen
    assert (await shelf.apply(SNAPSHOT)).outcome == "indexed"
    assert await shelf.shown() == {"a": ("t", "as it was read")}


@pytest.mark.parametrize("floor_first", [False, True])
async def test_another_generation_has_the_same_floor_and_the_same_documents_above_it(shelf, floor_first):
    await shelf.apply(
        row("b", 2, "gone", time=3), row("a", 1, "old", time=4), SNAPSHOT, truncation(5, time=9)
    )
    other = Shelf(MemoryStore())
    carry = Carry(shelf.store, other.store, other)
    keys = [key async for key in shelf.store.document_keys()]
    for key in sorted(keys, key=lambda key: key == FLOOR, reverse=floor_first):
        await carry.bring(key)
    assert await other.shown() == await shelf.shown() == {"a": ("t", "as it was read")}
    for each in (shelf, other):
        assert (await each.apply(row("b", 3, "late", time=8))).reason == "stale"
        assert (await each.apply(row("a", 3, "late", time=8))).reason == "stale"


async def test_a_truncation_without_a_time_takes_only_what_has_none(shelf):
    await shelf.apply(row("timed", 1, "x", time=4), row("not", 2, "x"), truncation(5))
    assert set(await shelf.shown()) == {"timed"}


async def test_a_table_that_is_emptied_and_filled_again_embeds_only_what_is_new(shelf):
    await shelf.apply(row("a", 1, "one\n\ntwo"), truncation(3))
    applied = await shelf.apply(row("a", 4, "one\n\nthree"))
    assert (applied.outcome, applied.passages) == (
        "indexed",
        PassageCounts(total=2, embedded=1, reused=1, removed=0),
    )
    assert shelf.embedder.embedded == ["one", "two", "three"]
    await shelf.tidy()
    assert await shelf.shown() == {"a": ("t", "one", "three")}
    assert await shelf.on_disk() == 2


async def test_a_row_that_left_out_a_column_finds_none_before_the_truncation(shelf):
    def fill(columns):
        if "body" not in columns:
            raise Rejected("no body: set REPLICA IDENTITY FULL", code="unavailable_value")
        return row("a", 4, columns["body"])

    await shelf.apply(replace(row("a", 1, "old"), row={"body": "old"}), truncation(3))
    with pytest.raises(Rejected) as rejected:
        await shelf.apply(replace(row("a", 4), document=Incomplete(("body",), fill)))
    assert rejected.value.code == "unavailable_value"


async def test_what_is_below_the_floor_is_swept_from_the_disk_and_the_rest_stays(shelf):
    await shelf.apply(*(row(f"k{n}", n, f"text {n}") for n in range(250)))
    await shelf.apply(row("k7", 300, None), row("k8", 301, "text 8\n\nmore"))
    await shelf.apply(truncation(400), row("k9", 401, "text 9"), row("new", 402, "new"))
    await shelf.apply(replace(row("w", 1, "other"), source="wiki"))
    await shelf.tidy()
    assert await shelf.shown() == {"k9": ("t", "text 9"), "new": ("t", "new"), "w": ("t", "other")}
    assert await shelf.on_disk() == 3
    assert shelf.count("buried_documents") == 248
    (floor,) = await shelf.heads(FLOOR)
    assert is_swept(floor)
    await shelf.tidy(looks=1, seconds=3600)
    shelf.events.clear()
    await shelf.tidy(looks=2, seconds=3600)
    assert not [event for event in shelf.events if event.name == "buried_documents"], "swept once is enough"


async def test_a_document_that_the_sweep_has_buried_comes_back_like_any_other(shelf):
    await shelf.apply(row("a", 1, "one"), truncation(3))
    await shelf.tidy(looks=2)
    buried = current(await shelf.heads(row("a", 1).key))
    assert (buried.deleted, buried.tenant, buried.document_id, buried.passages) == (True, "t", "a", ())
    assert (await shelf.apply(row("a", 2, "late"))).reason == "stale"
    applied = await shelf.apply(row("a", 4, "one"))
    assert (applied.outcome, applied.passages.embedded) == ("indexed", 1)
    await shelf.tidy()
    assert await shelf.shown() == {"a": ("t", "one")}


async def test_a_sweep_that_was_lost_is_found_again_by_the_next_worker(shelf):
    await shelf.apply(*(row(f"k{n}", n, f"text {n}") for n in range(150)), truncation(400))

    class Dying:
        def __init__(self, store):
            self._store, self._writes = store, 1

        def __getattr__(self, name):
            if name == "write_heads":
                if not self._writes:
                    raise SystemExit
                self._writes -= 1
            return getattr(self._store, name)

    dying = shelf.new_sweeper(Dying(shelf.store))
    dying.hint(FLOOR)
    await dying.look()
    shelf.clock.t += 120
    with pytest.raises(SystemExit):
        await dying.look()
    assert 0 < shelf.count("buried_documents") < 150
    shelf.sweeper = shelf.new_sweeper()
    await shelf.tidy(looks=4, seconds=3700)
    assert is_swept((await shelf.heads(FLOOR))[0])
    assert await shelf.on_disk() == 0


async def test_an_outage_in_the_middle_of_a_sweep_is_observed_and_it_goes_on(shelf):
    await shelf.apply(*(row(f"k{n}", n, f"text {n}") for n in range(250)), truncation(400))
    reads = []

    class Failing:
        def __init__(self, store):
            self._store = store

        def __getattr__(self, name):
            return getattr(self._store, name)

        async def heads(self, keys):
            reads.append(len(keys))
            if len(reads) == 4:
                raise Retryable("the store can't be reached; it is tried again")
            return await self._store.heads(keys)

    shelf.sweeper = shelf.new_sweeper(Failing(shelf.store))
    shelf.sweeper.hint(FLOOR)
    await shelf.tidy(looks=2)
    assert 0 < shelf.count("buried_documents") < 250
    assert shelf.count("vacuum_failures") == 1
    await shelf.tidy(looks=5)
    assert await shelf.on_disk() == 0
    assert shelf.count("buried_documents") == 250


async def test_what_a_plan_from_before_the_truncation_writes_meanwhile_is_swept_too(shelf):
    embed = shelf.embedder.embed_documents

    async def truncated_meanwhile(texts):
        shelf.embedder.embed_documents = embed
        vectors = await embed(texts)
        write = shelf.store.write_heads

        async def swept_meanwhile(heads):
            shelf.store.write_heads = write
            await shelf.apply(truncation(3))
            await write(heads)

        shelf.store.write_heads = swept_meanwhile
        return vectors

    shelf.embedder.embed_documents = truncated_meanwhile
    assert (await shelf.apply(row("a", 2, "two"))).outcome == "indexed"
    assert await shelf.shown() == {}
    await shelf.tidy()
    assert await shelf.on_disk() == 0
    assert current(await shelf.heads(row("a", 1).key)).deleted


async def test_a_floor_is_kept_for_ever_and_one_that_is_superseded_goes(shelf):
    await shelf.apply(row("a", 1, "one"), truncation(3), truncation(5))
    await shelf.tidy()
    assert [head.position.offset for head in await shelf.heads(FLOOR)] == [5]
    shelf.clock.t += 50 * DAY
    await shelf.tidy()
    assert [key async for key in shelf.store.document_keys()] == [FLOOR], "its deletion is forgotten"
    assert (await shelf.apply(row("a", 2, "late"))).reason == "stale"
    assert await shelf.shown() == {}


async def test_a_vacuum_alone_drops_nothing_of_what_is_below_a_floor(shelf):
    await shelf.apply(row("a", 1, "one"), truncation(3))
    vacuum = Vacuum(shelf.store, now=shelf.clock.now, monotonic=shelf.clock.monotonic)
    for _ in range(3):
        await vacuum.run()
        shelf.clock.t += 10 * DAY
    assert await shelf.on_disk() == 1


@pytest.mark.parametrize("shelf", ["sqlite"], indirect=True)
async def test_a_search_finds_nothing_below_the_floor(shelf):
    await shelf.apply(
        row("a", 1, "quetzal"), row("b", 2, "quetzal two"), truncation(3), row("b", 4, "quetzal")
    )
    query = SearchQuery("t", "quetzal", (0.6, 0.8))
    found = await retrieve(shelf.store, query, wanted=5, overfetch=4, rounds=3)
    assert [(one.head.record_key, one.hit.text) for one in found.found] == [("b", "quetzal")]
    assert {one.text for one in found.superseded} == {"quetzal", "quetzal two"}


def test_a_document_of_a_record_with_any_key_is_not_the_floor():
    keys = ["", "floor", "cms", "\x00", f"5:floor3:{'cms'}"]
    assert FLOOR not in {replace(row("a", 1), record_key=key).key for key in keys}
    assert truncation(1).key == FLOOR != floor_key("cms2")
    assert place(1) == truncation(1).at
    assert timedelta(days=45).total_seconds() < 50 * DAY
