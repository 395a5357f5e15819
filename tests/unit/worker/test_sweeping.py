"""What is superseded goes, in each generation that is written."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from streams import settings as configuration
from streams.indexing.generations.following import FollowingIndexer
from streams.ports import unobserved
from streams.worker.at_work import at_work
from streams.worker.clock import Clock as Wall
from streams.worker.generations import Following, Openings
from streams.worker.live import Live
from streams.worker.parts import utc_now
from tests.unit.worker.world import CUTTER, TEXT, change


class Clock:
    """The clocks of a worker, hours of which pass between two looks; `set`: how wrong the wall's is."""

    def __init__(self):
        self.passed, self.set, self.began = 0.0, timedelta(0), utc_now()

    def true(self):
        return self.began + timedelta(seconds=self.passed)

    def now(self):
        return self.true() + self.set

    def monotonic(self):
        return self.passed


class Working:
    """A worker's generations, on a clock of their own."""

    def __init__(self, world):
        self.world, self.clock = world, Clock()
        settings = configuration.load(env_file=None)
        self.openings = Openings(world.index, world.client)
        follow = Following(world.index, now=self.clock.now, monotonic=self.clock.monotonic, max_age_s=-1)

        self.tells = False

        async def told():
            return self.clock.true() if self.tells else await world.index.clock()

        clock = Wall(told, wall=self.clock.now, monotonic=self.clock.monotonic)

        def make(opened):
            return at_work(opened, settings, CUTTER, unobserved, clock=clock, monotonic=self.clock.monotonic)

        async def cuts():
            """Nothing is asked of it."""

        self.asked_for = set()

        self.shut = set()

        async def opening(generation):
            self.asked_for.add(generation.name)
            if generation.name in self.shut:
                await asyncio.Event().wait()
            return await self.openings(generation)

        self.live = Live(follow, opening, make, cuts)
        self.indexer = FollowingIndexer(self.live.follow, self.live.write)

    async def edit(self, times, *, since=2):
        for time in range(since, since + times):
            await self.indexer.apply(change("d1", TEXT.format(n=f"{time} times"), time=time))

    async def sweep(self, rounds=4):
        """Looks so many times behind each, with an hour in between."""
        looks, ended = Counter(), asyncio.Event()

        async def sleep(_seconds):
            self.clock.passed += 3600
            looks[asyncio.current_task()] += 1
            if looks[asyncio.current_task()] >= rounds:
                if len(looks) == 2 and min(looks.values()) >= rounds:
                    ended.set()
                await asyncio.Event().wait()

        await self.until(ended, sleep)

    async def until(self, ended, sleep):
        """Sweeps until then. Raises what the sweeping does."""
        sweeping, waiting = asyncio.create_task(self.live.sweep(sleep)), asyncio.create_task(ended.wait())
        done, pending = await asyncio.wait({sweeping, waiting}, return_when=asyncio.FIRST_COMPLETED)
        for one in pending:
            one.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        for one in done:
            one.result()

    async def heads(self, slot):
        """How many heads a generation holds of the document that is edited."""
        store = await self.world.index.open(getattr(await self.world.index.generations(), slot))
        key = change("d1", None).key
        try:
            return len((await store.heads([key]))[key])
        finally:
            await store.close()


@pytest.fixture
async def working(world):
    working = Working(world)
    yield working
    await working.openings.close()


async def test_what_is_superseded_goes_from_the_generation_that_is_built_too(working):
    work = working.world.command()
    await work.begin(await work.wanted("stub-96", 200))
    await working.edit(9)
    assert await working.heads("live") == 10
    assert await working.heads("building") == 9
    await working.sweep()
    assert await working.heads("live") == 1
    assert await working.heads("building") == 1


async def test_what_was_superseded_before_a_switch_goes_from_the_generation_before(working):
    work = working.world.command()
    await work.begin(await work.wanted("stub-96", 200))
    await work.fill()
    await working.edit(9)
    await work.switch()
    await working.sweep()
    assert await working.heads("previous") == 1
    await work.drop()
    await working.sweep()
    assert await working.heads("live") == 1


async def test_a_generation_before_that_was_never_at_work_here_is_not_opened(working):
    work = working.world.command()
    await work.begin(await work.wanted("stub-96", 200))
    await work.fill()
    await work.switch()
    await working.sweep()
    assert working.asked_for == {(await work.record()).live.name}


async def test_a_generation_that_takes_for_ever_to_be_opened_keeps_no_vacuum_from_the_live_one(working):
    work = working.world.command()
    await working.edit(9)
    await work.begin(await work.wanted("stub-96", 200))
    working.shut.add((await work.record()).building.name)
    looks, ended = 0, asyncio.Event()

    async def sleep(_seconds):
        nonlocal looks
        working.clock.passed += 3600
        looks += 1
        if looks == 4:
            ended.set()
            await asyncio.Event().wait()

    await working.until(ended, sleep)
    assert await working.heads("live") == 1


async def test_a_sweep_that_fails_says_so(working):
    async def sleep(_seconds):
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await working.until(asyncio.Event(), sleep)


async def test_a_clock_that_is_set_back_dates_no_deletion_long_ago(working):
    await working.indexer.apply(change("d1", TEXT.format(n="once"), time=2))
    working.clock.set = timedelta(days=-46)
    await working.indexer.apply(change("d1", None, time=3))
    working.clock.set = timedelta(0)
    await working.sweep()
    assert await working.heads("live") == 1


async def test_a_clock_that_is_set_ahead_makes_no_deletion_old(working):
    await working.sweep()
    await working.indexer.apply(change("d1", None, time=3))
    working.clock.set = timedelta(days=46)
    await working.sweep()
    assert await working.heads("live") == 1


async def test_while_the_clock_is_off_nothing_is_swept(working):
    await working.edit(9)
    there = await working.heads("live")
    working.tells = True
    working.clock.set = timedelta(hours=2)
    await working.sweep()
    assert await working.heads("live") == there
    working.clock.set = timedelta(0)
    await working.sweep()
    assert await working.heads("live") == 1


async def test_a_deletion_that_another_worker_has_dated_long_ago_is_not_old(working):
    await working.indexer.apply(change("d1", None, time=3))
    store = await working.world.index.open((await working.world.index.generations()).live)
    key = change("d1", None).key
    heads = (await store.heads([key]))[key]
    await store.write_heads([replace(head, written=head.written - timedelta(days=46)) for head in heads])
    await store.close()
    await working.sweep()
    assert await working.heads("live") == 1
