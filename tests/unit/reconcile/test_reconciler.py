"""Damage of every kind, planted in an index in memory: found, named, mended, clean."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams import sources
from streams.errors import Rejected
from streams.messages.changes import Ignored, floor_key
from streams.messages.held import current
from streams.reconcile.reconciler import Asked
from streams.reconcile.report import report
from tests.unit.reconcile.world import DEAD, TOPIC, World


@pytest.fixture
async def world():
    """Three documents and a deleted one, indexed as they should be."""
    world = World()
    for name in ("one", "two", "three", "gone"):
        world.put(name, f"the first text of {name}")
    world.put("one", "the second text of one")
    world.put("two", "the second text of two", tenant="bolt")
    world.put("gone", None)
    await world.everything()
    return world


async def test_an_index_that_holds_what_the_topics_say_is_clean(world):
    assert await world.compare() == []
    assert world.report.clean
    rows = {(row.source, row.tenant): row.documents for row in world.report.rows}
    assert rows == {(TOPIC, "acme"): 3, (TOPIC, "bolt"): 1}


async def missing(world):
    world.lose_heads("three")
    return "three"


async def stale(world):
    world.lose_heads("one", but=1)
    return "one"


async def resurrected(world):
    world.lose_heads("gone", but=1)
    return "gone"


async def orphaned(world):
    await world.index(record := world.put("ghost", "boo"))
    world.put("after")
    world.log.topics[TOPIC][0].remove(record)
    await world.everything()
    return "ghost"


async def damaged(world):
    del world.store.held["acme", world.head("one").passages[0].id]
    return "one"


@pytest.mark.parametrize(
    "plant", [missing, stale, resurrected, orphaned, damaged], ids=lambda one: one.__name__
)
async def test_damage_is_found_named_and_mended(world, plant):
    name = await plant(world)
    assert await world.compare() == [(plant.__name__, name)]
    assert not world.report.clean
    assert await world.compare(mend=True) == []
    assert await world.compare() == []
    there = world.head(name)
    assert there.deleted == (plant in (resurrected, orphaned))
    assert all((there.tenant, entry.id) in world.store.held for entry in there.passages)


async def test_all_kinds_at_once_are_mended_and_mending_again_changes_nothing(world):
    for plant in (missing, stale, resurrected, orphaned):
        await plant(world)
    await world.compare(mend=True)
    before = world.store.all_heads, world.store.held
    assert await world.compare(mend=True) == []
    assert (world.store.all_heads, world.store.held) == before


async def test_a_stale_document_that_was_damaged_too_is_whole_after_one_repair(world):
    record = world.put("three", "the first text of three\n\nand more")
    await world.index(record)
    world.store.held.clear()
    world.lose_heads("three", but=1)
    assert await world.compare(mend=True) == []
    assert {world.store.held["acme", one.id].text for one in world.head("three").passages} == {
        "the first text of three",
        "and more",
    }


async def test_what_a_worker_has_yet_to_consume_waits_and_is_no_difference(world):
    late = world.put("late")
    world.workers.behind[TOPIC, 0] = late.offset - 1
    assert await world.compare() == [("pending", "late")]
    assert not world.report.differs
    assert not world.report.clean
    assert await world.compare(mend=True) == [("pending", "late")]
    assert world.head("late") is None


async def test_what_a_worker_consumed_in_the_meantime_is_nothing(world):
    late = world.put("late")

    def meanwhile():
        # A worker's apply, without the loop: the memory store never waits.
        with pytest.raises(StopIteration):
            world.index(late).send(None)

    world.workers.meanwhile = meanwhile
    assert await world.compare() == []
    assert world.head("late") is not None


async def test_what_came_after_the_topic_was_read_is_no_orphan(world):
    ends = await world.log.spans(TOPIC)
    await world.index(world.put("new"), world.put("one", "the third text of one"))
    first, world.log.spans = world.log.spans, _first(ends, world.log.spans)
    assert await world.compare() == []
    world.log.spans = first
    assert await world.compare() == []


def _first(answer, then):
    answers = [{}, answer]

    async def spans(topic):
        return answers.pop(0) if answers else await then(topic)

    return spans


async def test_of_a_topic_that_was_made_anew_nothing_is_an_orphan(world):
    for partition in world.log.topics[TOPIC]:
        partition.clear()
    world.put("fresh")
    await world.everything()
    assert {kind for kind, _ in await world.compare(mend=True)} == {"untold"}
    assert not world.head("one").deleted


class TestATopicMadeAnew:
    """Under its old name, with as many records as the old one had, or more: none of the old documents."""

    async def again(self, world, *, timestamp, names):
        for partition in world.log.topics[TOPIC]:
            partition.clear()
        for name in names:
            value = json.dumps({"id": name, "text": "new", "tenant": "acme"}).encode()
            world.log.append(TOPIC, f"acme/{name}".encode(), value, timestamp=timestamp)
        await world.everything()

    def untold(self, world):
        assert {found.kind for found in world.found} == {"untold"}
        assert not world.report.differs
        assert not any(world.head(name).deleted for name in ("one", "three"))
        return {found.note for found in world.found}

    async def test_that_has_another_record_in_each_ones_place_keeps_them(self, world):
        await self.again(world, timestamp=9000, names=[f"new-{number}" for number in range(20)])
        await world.compare(mend=True)
        assert self.untold(world) == {"other_record"}

    async def test_that_was_compacted_is_younger_than_they_are(self, world):
        await self.again(world, timestamp=9000, names=["new"] * 20)
        world.log.compact(TOPIC)
        await world.compare(mend=True)
        assert self.untold(world) == {"older"}

    async def test_that_has_old_timestamps_shows_by_one_of_them_for_all(self, world):
        await self.again(world, timestamp=0, names=["new"] * 2 + ["three's place"] + ["new"] * 17)
        world.log.compact(TOPIC)
        await world.compare(mend=True)
        assert self.untold(world) == {"other_record"}

    async def test_that_is_right_as_somebody_says_has_the_others_for_orphans(self, world):
        await self.again(world, timestamp=9000, names=[f"new-{number}" for number in range(20)])
        world.asked = Asked([TOPIC], trusted=True)
        assert {kind for kind, _ in await world.compare()} == {"orphaned"}
        assert await world.compare(mend=True) == []
        assert world.head("one").deleted
        assert world.report.clean

    async def test_that_is_right_but_shorter_has_the_others_for_orphans(self, world):
        await self.again(world, timestamp=9000, names=["new"])
        world.asked = Asked([TOPIC], trusted=True)
        assert await world.compare(mend=True) == []
        assert world.head("one").deleted
        assert not world.head("new").deleted

    async def test_that_has_no_timestamps_may_be_any(self, world):
        await self.again(world, timestamp=-100, names=["new"] * 20)
        world.log.compact(TOPIC)
        await world.compare(mend=True)
        assert self.untold(world) == {"older"}


async def test_an_orphan_that_is_written_again_before_it_is_mended_stays(world):
    await orphaned(world)

    async def back():
        await world.index(world.put("ghost", "it is back"))

    world.before_mending = back
    assert await world.compare(mend=True) == []
    assert not world.head("ghost").deleted


class TestAWrongSourcesFile:
    """Reads the topic in another way than it was indexed."""

    async def test_by_which_no_record_says_anything_deletes_nothing_and_is_not_clean(
        self, world, monkeypatch
    ):
        monkeypatch.setattr(world, "decode", _says(lambda _: (Ignored("other_table"),)))
        await world.compare(mend=True)
        assert {(found.kind, found.note) for found in world.found} == {("untold", "says_nothing")}
        assert not world.report.clean
        assert world.report.foreign == {TOPIC: "says_nothing"}
        assert world.report.differing == {TOPIC: 4}
        world.asked = Asked([TOPIC], trusted=True)
        assert {kind for kind, _ in await world.compare(mend=True)} == {"untold"}
        assert not world.head("one").deleted

    async def test_by_which_records_are_of_other_documents_deletes_nothing(self, world, monkeypatch):
        real = world.decode
        rekeyed = _says(
            lambda said: tuple(replace(one, record_key=f"x/{one.record_key}") for one in said), real
        )
        monkeypatch.setattr(world, "decode", rekeyed)
        before = set(world.store.all_heads)
        await world.compare(mend=True)
        assert {found.note for found in world.found if found.kind == "untold"} == {"other_record"}
        assert {found.note for found in world.found if found.kind == "missing"} == {"foreign"}
        assert not world.report.clean
        assert set(world.store.all_heads) == before, "nothing is written under keys that may be wrong"
        assert not world.head("one").deleted


def _says(change, decode=None):
    async def say(record):
        return change(await decode(record) if decode else ())

    return say


@pytest.mark.parametrize(
    ("counts", "documents", "share", "excess"),
    [
        ({"orphaned": 20}, 20, 0.1, []),
        ({"orphaned": 21}, 210, 0.1, []),
        ({"orphaned": 21}, 209, 0.1, [(21, 209)]),
        ({"orphaned": 21}, 209, 1.0, []),
        ({"resurrected": 30}, 70, 0.25, [(30, 100)]),
        ({"missing": 99, "stale": 99, "damaged": 99}, 300, 0.1, []),
    ],
)
def test_a_repair_deletes_so_many_of_a_sources_documents_and_no_more(counts, documents, share, excess):
    places = {(TOPIC, "acme"): documents - 5, (TOPIC, "bolt"): 5}
    told = report(places, [(TOPIC, "acme", kind, count) for kind, count in counts.items()], {}, {})
    assert [(one.documents, one.of) for one in told.excess(share)] == excess


async def test_of_a_topic_with_a_retention_nothing_is_an_orphan(world):
    await orphaned(world)
    world.log.begins[TOPIC, 1] = 4
    assert await world.compare(mend=True) == [("untold", "ghost")]
    assert world.report.clean


async def test_documents_of_a_topic_that_is_no_source_any_more_are_told(world):
    await world.index(world.log.append("rows", b"r", json.dumps({"id": "r", "text": "x"}).encode()))
    assert await world.compare() == [("untold", "r")]
    world.asked = Asked([TOPIC], every_source=False)
    assert await world.compare() == []


async def test_a_dead_letter_is_told_and_is_no_difference(world):
    world.bury(world.put("one", "the third text of one"))
    world.bury(world.put("never"))
    assert await world.compare(mend=True) == [("dead", "never"), ("dead", "one")]
    assert world.report.clean


async def test_a_dead_letter_written_in_the_meantime_is_one(world):
    late = world.put("late")
    world.workers.meanwhile = lambda: world.bury(late)
    assert await world.compare() == [("dead", "late")]


async def test_what_cannot_be_read_is_a_dead_letter_of_the_document_that_its_key_names(world):
    await world.index(
        world.log.append(TOPIC, b"acme/one", b"{"), world.log.append(TOPIC, b"acme/new", b"\xff")
    )
    assert await world.compare() == [("dead", "new"), ("dead", "one")]


async def test_a_record_of_which_nothing_can_be_read_may_be_that_of_any_orphan(world):
    await orphaned(world)
    world.log.append(TOPIC, b"no key of ours", b"{")
    assert await world.compare(mend=True) == [("untold", "ghost")]
    assert world.report.illegible == {TOPIC: 1}
    assert not world.head("ghost").deleted


async def test_after_compaction_all_is_as_before(world):
    world.put("one", None)
    world.log.append(TOPIC, b"acme/one", None)
    await world.everything()
    world.log.compact(TOPIC)
    assert await world.compare() == []
    world.lose_heads("one", but=2)
    assert await world.compare() == [("resurrected", "one")]
    assert await world.compare(mend=True) == []


async def test_only_one_tenants_documents_are_told_where_that_is_asked_for(world):
    world.lose_heads("three")
    world.lose_heads("two", tenant="bolt")
    world.asked = Asked([TOPIC], tenant="bolt")
    assert await world.compare() == [("missing", "two")]
    assert [row.tenant for row in world.report.rows] == ["bolt"]


async def test_what_inherits_its_time_is_mended_at_that_time(world):
    at = "2026-11-22T10:00:00Z"
    await world.index(world.put("timed", "a", changed_at=at), world.put("timed", "b"))
    position = world.head("timed").position
    world.lose_heads("timed")
    assert await world.compare(mend=True) == []
    assert world.head("timed").position == position
    assert position.time > 0


async def test_a_record_that_is_gone_is_said_to_be_gone(world):
    await damaged(world)
    world.log.topics[TOPIC][0] = [one for one in world.log.topics[TOPIC][0] if one.key != b"acme/one"]
    world.log.begins[TOPIC, 0] = 1
    assert await world.compare(mend=True) == [("damaged", "one")]
    assert [found.note for found in world.found] == ["gone"]


class TestRows:
    """Rows that leave out what did not change."""

    @pytest.fixture
    async def rows(self):
        world = World()
        world.asked = Asked(["rows"])
        for said in (
            {"id": "r", "text": "old", "title": "A"},
            {"id": "r", "text": "new", "title": "A"},
            {"id": "r", "title": "B"},
            {"id": "r", "title": "C"},
        ):
            world.log.append("rows", b"r", json.dumps(said).encode())
        await world.everything()
        return world

    def shown(self, world):
        (heads,) = world.store.all_heads.values()
        head = heads[max(heads)]
        return head.title, [world.store.held["acme", one.id].text for one in head.passages]

    async def test_are_mended_from_the_last_one_that_is_whole(self, rows):
        assert await rows.compare() == []
        (heads,) = rows.store.all_heads.values()
        for position in sorted(heads)[1:]:
            del heads[position]
        assert await rows.compare() == [("stale", "r")]
        assert await rows.compare(mend=True) == []
        assert self.shown(rows) == ("C", ["new"])

    async def test_are_mended_from_nothing(self, rows):
        rows.store.all_heads.clear()
        assert await rows.compare(mend=True) == []
        assert self.shown(rows) == ("C", ["new"])

    async def test_are_refused_where_the_whole_one_is_gone(self, rows):
        rows.store.all_heads.clear()
        rows.log.compact("rows")
        assert await rows.compare(mend=True) == [("missing", "")]
        assert [found.note for found in rows.found] == ["unavailable_value"]

    async def test_that_lost_a_passage_have_it_again(self, rows):
        rows.store.held.clear()
        assert await rows.compare() == [("damaged", "r")]
        assert await rows.compare(mend=True) == []
        assert self.shown(rows) == ("C", ["new"])


class TestARecordOfSeveralRows:
    """One of which can't be mapped: the others count, each for itself."""

    @pytest.fixture
    async def canal(self, monkeypatch):
        world = World()
        source = sources.Source(TOPIC, format="canal", id="{id}", text="{text}", tenant="acme")

        async def decode(record):
            return sources.decode(source, record, max_bytes=10**6)

        monkeypatch.setattr(world, "decode", decode)
        rows = [{"id": "1", "text": "a"}, {"id": "2", "text": "b"}, {"id": "3", "text": None}]
        value = {"type": "INSERT", "database": "shop", "table": "article", "es": 1_700_000_000_000,
                 "pkNames": ["id"], "data": rows, "old": None}  # fmt: skip
        record = world.log.append(TOPIC, None, json.dumps(value).encode())
        ends = [await self.apply(world, change) for change in await decode(record)]
        assert ends == [True, True, False]
        world.bury(record, parts=b"2")
        return world

    async def apply(self, world, change):
        try:
            await world.indexer.apply(change)
        except Rejected:
            return False
        return True

    async def test_has_one_that_is_dead(self, canal):
        assert [kind for kind, _ in await canal.compare()] == ["dead"]
        assert canal.report.clean

    async def test_has_another_that_was_lost_mended(self, canal):
        (lost,) = [key for key, heads in canal.store.all_heads.items()
                   if current(list(heads.values())).document_id == "1"]  # fmt: skip
        del canal.store.all_heads[lost]
        assert await canal.findings() == ["dead", "missing"]
        assert not canal.report.clean
        await canal.compare(mend=True)
        assert [found.kind for found in canal.found] == ["dead"]
        assert lost in canal.store.all_heads

    async def test_that_dies_while_they_are_compared_is_dead_alone(self, canal):
        canal.log.topics[DEAD][0].clear()
        canal.store.all_heads.clear()
        record = canal.log.topics[TOPIC][0][0]
        canal.workers.meanwhile = lambda: canal.bury(record, parts=b"2")
        assert await canal.findings() == ["dead", "missing", "missing"]


class TestTruncations:
    """All that a source had, gone at once: below a floor nothing is, whatever heads say."""

    @pytest.fixture
    async def rows(self):
        world = World()
        world.asked = Asked(["rows"])
        world.row("before"), world.row("again")
        world.log.append("rows", None, b"{}")
        world.row("again"), world.row("after")
        await world.everything()
        return world

    def lose_floor(self, world):
        del world.store.all_heads[floor_key("rows")]

    async def test_what_it_took_is_no_finding(self, rows):
        assert await rows.compare() == []
        assert [(row.tenant, row.documents) for row in rows.report.rows] == [("acme", 2)]

    async def test_where_it_is_lost_what_it_took_is_resurrected_until_it_is_applied_again(self, rows):
        self.lose_floor(rows)
        assert await rows.findings() == ["missing", "resurrected"]
        assert await rows.compare(mend=True) == []
        assert floor_key("rows") in rows.store.all_heads

    async def test_what_came_after_it_is_mended_above_it(self, rows):
        rows.store.all_heads.clear()
        assert await rows.findings() == ["missing"] * 3
        assert await rows.compare(mend=True) == []
        assert [(row.tenant, row.documents) for row in rows.report.rows] == [("acme", 2)]

    async def test_what_no_record_speaks_of_any_more_is_gone_with_it(self, rows):
        del rows.log.topics["rows"][0][0]
        rows.log.begins["rows", 0] = 1
        assert await rows.compare() == []
        self.lose_floor(rows)
        assert await rows.findings() == ["missing", "resurrected"]
        assert await rows.compare(mend=True) == []

    async def test_a_dead_letter_below_it_counts_no_more(self, rows):
        rows.bury(rows.row("never"))
        assert await rows.findings() == ["dead"]
        await rows.index(rows.log.append("rows", None, b"{}"))
        assert await rows.findings() == []


@given(st.data())
def test_an_index_that_was_made_of_a_topic_is_found_to_hold_it(data):
    asyncio.run(_made_of(data))


async def _made_of(data):
    """Rows of some documents and truncations, timed or not, in two partitions, met in any order."""
    world = World()
    world.asked = Asked(["rows"])
    timed = data.draw(st.booleans())
    for _ in range(data.draw(st.integers(1, 8))):
        key = data.draw(st.sampled_from([b"a", b"b", None]))
        said = {"id": key.decode(), "text": "x"} if key and data.draw(st.booleans()) else {}
        if timed:
            said["time"] = data.draw(st.integers(1, 5))
        world.log.append("rows", key, json.dumps(said).encode(), partition=data.draw(st.integers(0, 1)))
    queues = [list(held) for held in world.log.topics["rows"]]
    while any(queues):
        await world.index(data.draw(st.sampled_from([queue for queue in queues if queue])).pop(0))
    assert await world.compare() == []
