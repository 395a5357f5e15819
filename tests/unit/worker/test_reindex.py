"""The steps of a reindex, on an index in SQLite files and a stand-in for the model server."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web

from streams.errors import Rejected, Retryable
from streams.evaluation.expected import Expected
from streams.indexing.cutting.chunk import chunk
from streams.indexing.cutting.cut import HereCutter
from streams.indexing.cutting.parse import parse
from streams.messages.changes import Change, Document, Truncation
from streams.messages.records import Offset
from streams.ollama.client import OllamaClient, OllamaConfig
from streams.ports import Generations
from streams.reconcile import clean
from streams.settings import Settings
from streams.stores.sqlite import open_sqlite_index
from streams.worker.evaluating import evaluation_of
from streams.worker.generations import opened
from streams.worker.reconciling import unswitched
from streams.worker.reindex import Reindex
from tests.bench.stub_ollama import Stub, application

CUTTER = HereCutter(parse, chunk)
TEXT = "It was a bright cold day in April, and the clocks were striking number {n}. " * 20


class Told:
    """What a person would see."""

    def __init__(self):
        self.steps = []

    def step(self, name, **facts):
        self.steps.append((name, facts))

    def counted(self, step, total):
        """Not looked at."""

    def copied(self, copied):
        """Not looked at."""


@asynccontextmanager
async def stubbed():
    runner = web.AppRunner(application(Stub(embed_ms=0, first_ms=0, token_ms=0, tokens=1)), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        async with OllamaClient(OllamaConfig(f"http://127.0.0.1:{runner.addresses[0][1]}")) as client:
            yield client
    finally:
        await runner.cleanup()


class World:
    """An index with some documents, and commands that work on it."""

    def __init__(self, index, client, path):
        self.index, self.client, self.path = index, client, path
        self.told = Told()

    async def begin(self):
        first = await self.command().wanted("stub-64", 800)
        await self.index.replace_generations(None, Generations(first))
        await self.apply(*(change(f"d{n}", TEXT.format(n=n)) for n in range(12)), change("gone", None))

    def command(self, index=None):
        return Reindex(
            index or self.index, self.client, CUTTER, self.told,
            evaluation=lambda one: evaluation_of(one, Settings()), alpha=0.3,
            followed_s=0.05, kept_after_switch=timedelta(0),
        )  # fmt: skip

    async def apply(self, *changes):
        """As workers do while nothing is built."""
        live = await opened(self.index, self.client, (await self.index.generations()).live)
        for one in changes:
            await self.command()._indexer(live).apply(one)
        await live.store.close()

    async def passages(self, slot="live"):
        generation = getattr(await self.index.generations(), slot)
        store = await self.index.open(generation)
        heads = await store.heads([key async for key in store.document_keys()])
        await store.close()
        return {
            max(some, key=lambda head: head.position).record_key: len(
                max(some, key=lambda head: head.position).passages
            )
            for some in heads.values()
        }


@pytest.fixture
async def world(tmp_path):
    index = await open_sqlite_index(tmp_path / "index.db")
    async with stubbed() as client:
        world = World(index, client, tmp_path / "index.db")
        await world.begin()
        yield world
    await index.close()


def change(name, text, time=1):
    document = None if text is None else Document(tenant="t", id=name, text=text)
    at = Offset(topic="docs", partition=0, offset=time)
    return Change(source="docs", record_key=name, at=at, timestamp=time, document=document, time=time)


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
