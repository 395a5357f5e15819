"""A worker's clock is compared with the store's, and not believed where it was set."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from streams.errors import Misconfigured, Retryable
from streams.worker.clock import Clock

TRUE = datetime(2026, 11, 26, 12, tzinfo=UTC)


class Machine:
    """A machine and a store, in a world whose time is `passed`: each has a clock that may be set."""

    def __init__(self, *, off=timedelta(0), slow_s=0.0, has_clock=True):
        self.off, self.slow_s, self.has_clock = off, slow_s, has_clock
        self.passed, self.store_off, self.events = 0.0, timedelta(0), []
        self.clock = Clock(self.told, wall=self.wall, monotonic=lambda: self.passed, observe=self.see)

    def true(self):
        return TRUE + timedelta(seconds=self.passed)

    def wall(self):
        return self.true() + self.off

    async def told(self):
        self.passed += self.slow_s
        told = (self.true() + self.store_off).replace(microsecond=0)
        self.passed += self.slow_s
        return told if self.has_clock else None

    def see(self, event):
        self.events.append((event.name, round(event.value)))


@pytest.mark.parametrize(
    ("off", "said"),
    [
        (timedelta(days=-46), "46 days, 0:00:00 behind"),
        (timedelta(seconds=-61), "0:01:01 behind"),
        (timedelta(seconds=62), "0:01:01 ahead of"),
        (timedelta(hours=2), "1:59:59 ahead of"),
    ],
)
def test_a_clock_that_is_off_by_more_than_a_minute_is_refused_by_name(off, said):
    with pytest.raises(Misconfigured, match=said) as refused:
        asyncio.run(Machine(off=off).clock.check())
    assert refused.value.setting == "the system's clock"


@pytest.mark.parametrize("off_s", [-60, -1, 0, 1, 60])
def test_a_clock_that_is_off_by_less_is_taken(off_s):
    assert "as Weaviate's within" in asyncio.run(Machine(off=timedelta(seconds=off_s)).clock.check())


def test_a_reply_that_takes_long_makes_no_clock_wrong():
    assert "within 1 s" in asyncio.run(Machine(slow_s=300.0).clock.check())


@pytest.mark.parametrize("has_clock", [True, False])
def test_a_clock_that_was_never_set_is_refused_whatever_the_store(has_clock):
    machine = Machine(off=datetime(1970, 1, 1, tzinfo=UTC) - TRUE, has_clock=has_clock)
    machine.store_off = machine.off
    with pytest.raises(Misconfigured, match="before rag-streams was written"):
        asyncio.run(machine.clock.check())


def test_a_file_has_nothing_to_compare_with():
    assert "no clock to compare with" in asyncio.run(Machine(has_clock=False).clock.check())


@pytest.mark.parametrize("has_clock", [True, False])
@pytest.mark.parametrize("off", [timedelta(days=-46), timedelta(days=46)])
def test_a_clock_that_is_set_while_it_runs_makes_nothing_look_older(off, has_clock):
    machine = Machine(has_clock=has_clock)
    asyncio.run(machine.clock.check())
    machine.passed += 30
    machine.off = off
    assert machine.clock.late() >= machine.true()
    assert machine.clock.early() <= machine.true()


def test_nothing_is_vacuumed_while_the_clock_is_off_and_again_once_it_is_right():
    machine = Machine()

    async def run():
        await machine.clock.check()
        agreed = []
        for machine.off in (timedelta(0), timedelta(hours=3), timedelta(seconds=2)):
            machine.passed += 61
            agreed.append(await machine.clock.agrees())
        return agreed

    assert asyncio.run(run()) == [True, False, True]
    assert machine.events == [("clock_ahead_seconds", ahead) for ahead in (0, 0, 10799, 1)]
    assert machine.clock.late() == machine.clock.early() == machine.wall()


def test_the_store_is_asked_once_a_minute():
    machine = Machine()

    async def run():
        for _ in range(12):
            machine.passed += 15
            await machine.clock.agrees()

    asyncio.run(run())
    assert len(machine.events) == 3


def test_with_a_file_a_clock_that_was_set_is_shown():
    machine = Machine(has_clock=False)
    machine.off, machine.passed = timedelta(hours=5), 61.0
    assert asyncio.run(machine.clock.agrees())
    assert machine.events == [("clock_ahead_seconds", 5 * 3600)]


def test_a_store_that_does_not_answer_settles_nothing():
    machine = Machine()
    down = [False, True, False]

    async def told():
        if down.pop(0):
            raise Retryable("down")
        return machine.wall()

    clock = Clock(told, wall=machine.wall, monotonic=lambda: machine.passed, observe=machine.see)

    async def run():
        await clock.check()
        machine.passed += 61
        with pytest.raises(Retryable):
            await clock.agrees()
        assert await clock.agrees()

    asyncio.run(run())
    assert not down
    assert clock.late() == clock.early() == machine.wall()
