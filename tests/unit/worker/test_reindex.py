"""The steps of a reindex, on an index in SQLite files and a stand-in for the model server."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from streams.errors import Rejected, Retryable
from streams.evaluation.expected import Expected
from streams.messages.changes import Truncation
from streams.messages.records import Offset
from streams.ports import Generations
from streams.reconcile import clean
from streams.stores.sqlite import open_sqlite_index
from streams.worker.reconciling import unswitched
from tests.unit.worker.world import TEXT, change


async def build(world, model="stub-96", characters=200):
    work = world.command()
    await work.begin(await work.wanted(model, characters))
    return work, await work.fill()


async def test_a_generation_is_built_judged_and_switched_to_and_the_other_one_kept(world):
    before = await world.passages()
    work, copied = await build(world)
    assert (copied.looked_at, copied.refused.total()) == (13, 0)
    verdict = await work.judge([Expected("the clocks were striking number 3", frozenset({"d3"}), "t")])
    assert (verdict.questions, verdict.live, verdict.new) == (1, 1.0, 1.0)
    made = await work.judge(None)
    assert (made.automatic, made.questions) == (True, 12)
    assert made.new_vectors is not None
    record = await work.switch()
    assert (record.live.embed_model, record.live.dimension) == ("stub-96", 96)
    assert record.previous.embed_model == "stub-64"
    after = await world.passages()
    assert set(after) == set(before)
    assert all(after[name] > before[name] for name in before if name != "gone")


async def test_when_the_index_was_compared_is_known_after_a_switch_and_after_the_way_back(world):
    async def known():
        store = await world.index.open((await world.index.generations()).live)
        try:
            return await clean.last_run(store, "docs"), await clean.last_clean(store, "docs")
        finally:
            await store.close()

    async def compared(at, differing):
        store = await world.index.open((await world.index.generations()).live)
        await clean.remember(store, ["docs"], at, {"docs": differing}, clean=not differing)
        await store.close()

    first, later = datetime(2026, 11, 24, tzinfo=UTC), datetime(2026, 11, 25, tzinfo=UTC)
    await compared(first, 0)
    work, _ = await build(world)
    await work.switch(["docs"])
    assert await known() == ((first, 0), first)
    await compared(later, 2)
    await work.take_back()
    await work.fill()
    await work.switch(["docs"])
    assert await known() == ((later, 2), first)


async def test_a_comparison_that_a_switch_came_into_is_stopped(world):
    live = (await world.index.generations()).live
    work, _ = await build(world)
    await unswitched(world.index, live)
    await work.switch()
    with pytest.raises(Retryable) as raised:
        await unswitched(world.index, live)
    assert raised.value.code == "generation_switched"


async def test_a_truncation_floor_is_carried_and_what_is_below_it_is_not(world):
    await world.apply(
        Truncation(source="docs", at=Offset(topic="docs", partition=0, offset=5), timestamp=5, time=5)
    )
    await world.apply(change("after", TEXT, 6))
    work, _ = await build(world)
    await work.switch()
    await world.apply(change("late", TEXT, 4))
    assert "late" not in await world.passages()
    assert "after" in await world.passages()


async def test_the_way_back_brings_what_has_changed_since(world):
    work, _ = await build(world)
    await work.switch()
    await world.apply(change("d1", "Changed since.", 2), change("d2", None, 2), change("new", TEXT, 2))
    back = world.command()
    await back.take_back()
    assert (await back.fill()).brought == 0
    assert [facts["brought"] for name, facts in world.told.steps if name == "copy"] == [13, 3]
    record = await back.switch()
    assert (record.live.name, record.previous.name) == ("g1", "g2")
    passages = await world.passages()
    assert (passages["d1"], passages["d2"], "new" in passages) == (1, 0, True)


async def damaged(world):
    """A change that comes between fill and switch, of which the generation that is built can hold nothing."""
    record = await world.index.generations()
    await world.apply(change("d1", "Changed since.", 2))
    store = await world.index.open(record.live)
    key = change("d1", "").key
    head = (await store.current_heads([key]))[key]
    await store.delete_passages(head.tenant, [entry.id for entry in head.passages])
    await store.close()


async def test_what_it_refuses_of_what_came_since_it_was_filled_speaks_against_the_switch(world):
    work, copied = await build(world)
    assert not copied.refused
    await damaged(world)
    with pytest.raises(Rejected, match=r"1 passages_missing.*--force") as raised:
        await work.switch()
    assert raised.value.code == "not_switched"
    assert (await world.index.generations()).live.name == "g1"
    assert ("refused", {"document_key": str(change("d1", "").key), "code": "passages_missing"}) in (
        world.told.steps
    )


async def test_a_switch_that_is_forced_shows_nothing_of_what_was_refused_and_says_so(world):
    work, _ = await build(world)
    await damaged(world)
    assert (await work.switch(force=True)).live.name == "g2"
    assert (await world.passages())["d1"] == 0
    hidden = [facts["documents"] for name, facts in world.told.steps if name == "hidden"]
    assert hidden == [1]


async def test_what_is_dropped_or_given_up_leaves_no_file_and_no_name_to_be_used_again(world):
    work, _ = await build(world)
    assert (await work.abandon()).name == "g2"
    assert not list(world.path.parent.glob("*.g2.*"))
    work, _ = await build(world)
    await work.switch()
    assert (await work.drop()).name == "g1"
    record = await world.index.generations()
    assert (record.live.name, record.building, record.previous) == ("g3", None, None)
    assert len(await world.passages()) == 13


async def test_of_two_commands_at_once_that_want_different_things_one_stops(world):
    other = await open_sqlite_index(world.path)
    commands = [world.command(), world.command(other)]
    wanted = [await commands[0].wanted("stub-96", 200), await commands[1].wanted("stub-128", 200)]
    ends = await asyncio.gather(
        *(command.begin(one) for command, one in zip(commands, wanted, strict=True)), return_exceptions=True
    )
    assert sorted(type(end).__name__ for end in ends) == ["Generations", "Rejected"]
    await other.close()


async def test_a_record_that_another_changed_meanwhile_stops_the_command_before_it_does_anything(world):
    work = world.command()
    beginning = asyncio.create_task(work.begin(await work.wanted("stub-96", 200)))
    while (record := await world.index.generations()).building is None:  # noqa: ASYNC110 - a file tells no event
        await asyncio.sleep(0)
    await world.index.replace_generations(record, Generations(record.live, made=9))
    with pytest.raises(Rejected, match="another"):
        await beginning


async def test_without_the_live_model_a_generation_is_still_built_and_nothing_is_compared(world):
    record = await world.index.generations()
    gone = Generations(replace(record.live, embed_model="stub-7"))
    assert await world.index.replace_generations(record, gone)
    work, copied = await build(world)
    assert copied.refused.total() == 0
    verdict = await work.judge(None)
    assert (verdict.live, verdict.new) == (None, 1.0)
