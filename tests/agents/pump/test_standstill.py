"""A pump that stands still for no known reason says so: its state, its problem, and a line in the log."""

import asyncio
import logging

from streams.alive import alive
from streams.errors import Retryable
from tests.agents.group import Bench
from tests.unit.answering.virtual import run

LIMIT_S = 600.0


async def stubborn(opened, cancelled):
    """A handler that swallows its cancelling, as some clients do."""
    while not opened.is_set():
        try:
            await opened.wait()
        except asyncio.CancelledError:
            cancelled.set()


def test_a_pump_in_which_nothing_comes_of_any_record_is_stuck_and_says_where(caplog):
    async def stands_still():
        opened, cancelled = asyncio.Event(), asyncio.Event()
        async with Bench(slots=1, handle_limit_s=LIMIT_S) as bench:
            bench.work.acts[b"stubborn"] = lambda _record: stubborn(opened, cancelled)
            bench.deliver(key=b"before")
            bench.deliver(b"stubborn", key=b"a")
            bench.deliver(key=b"b", partition=2)
            await asyncio.sleep(LIMIT_S - 1)
            states = [bench.pump.state]
            await asyncio.wait_for(cancelled.wait(), 10)
            states.append(bench.pump.state)
            await asyncio.sleep(LIMIT_S)
            states.append(bench.pump.state)
            problem = bench.pump.problem
            opened.set()
            await asyncio.sleep(1)
            return [*states, bench.pump.state], problem, bench.pump.problem

    with caplog.at_level(logging.WARNING, "streams.agents.pump.standstill"):
        states, problem, after = run(stands_still())
    assert states == ["running", "running", "stuck", "running"]
    assert "t-0-1, t-2-0" in problem
    assert after is None
    assert [record.message for record in caplog.records] == [problem, "records go on"]


def test_a_pump_is_not_stuck_while_a_large_document_gets_on():
    async def slow():
        async with Bench(slots=1, handle_limit_s=LIMIT_S) as bench:

            async def gets_on(_record):
                for _ in range(10):
                    await asyncio.sleep(0.9 * LIMIT_S)
                    alive()()

            bench.work.acts[b"large"] = gets_on
            bench.deliver(b"large")
            states = set()
            while not bench.group.committed:
                await asyncio.sleep(1)
                states.add(bench.pump.state)
            return states

    assert run(slow()) == {"running"}


def test_a_pump_is_not_stuck_in_an_outage_nor_by_it():
    async def outage():
        down = True

        async def store(_record=None):
            if down:
                raise Retryable("connection refused", code="store_down")

        async with Bench(slots=1, handle_limit_s=LIMIT_S, canary=store, backoff_max_s=10.0) as bench:
            bench.work.acts[b"write"] = store
            bench.deliver(b"write")
            states = []
            for _ in range(100):
                await asyncio.sleep(LIMIT_S / 10)
                states.append(bench.pump.state)
            down = False
            while not bench.group.committed:
                await asyncio.sleep(1)
                states.append(bench.pump.state)
            return states

    assert set(run(outage())) == {"waiting", "running"}


def test_a_pump_without_records_is_not_stuck():
    async def idles():
        async with Bench(handle_limit_s=LIMIT_S) as bench:
            await asyncio.sleep(10 * LIMIT_S)
            bench.deliver(b"wait")
            await asyncio.sleep(1)
            return bench.pump.state

    assert run(idles()) == "running"
