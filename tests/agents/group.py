"""A consumer group of one, in memory: what the pump sees of Kafka, and what a test sees of the pump."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import defaultdict
from datetime import UTC, datetime

from streams.agents.pump.handling import as_it_is
from streams.agents.pump.pauses import no_help
from streams.agents.pump.pump import Pump
from streams.agents.pump.work import OneByOne, PumpSettings
from streams.errors import Rejected
from streams.messages.records import Record

AT = datetime(2026, 11, 22, 10, tzinfo=UTC)
FAST = {"backoff_s": 0.001, "backoff_max_s": 0.002, "commit_interval_s": 0.001, "drain_s": 0.5}


class Group:
    """A membership whose commits, pauses and crashes a test can read, and whose generations it turns."""

    def __init__(self):
        self.generation = 1
        self.flowing = True
        self.committed = {}
        self.commits = []
        self.paused = set()
        self.crashes = []
        self.owned = set()
        self.waiting = {}
        self.refuses = self.silent = False
        self.read = {}
        """Of each partition, the last offset that was delivered, and the one up to which it is read."""
        self.changed = asyncio.Event()

    def live(self, generation):
        return self.flowing and generation == self.generation

    def heard(self, within_s):
        return not self.silent

    def assigned(self):
        return frozenset(self.owned)

    async def unread(self):
        return dict(self.waiting)

    def pause(self, partition):
        self.paused.add(partition)
        self.changed.set()

    def resume(self, partition):
        self.paused.discard(partition)
        self.changed.set()

    def read_upto(self):
        return self.generation, self.read

    async def commit(self, offsets):
        if self.refuses:
            return False
        self.commits.append(dict(offsets))
        self.committed.update(offsets)
        self.changed.set()
        return True

    def crash(self, error):
        self.crashes.append(error)
        self.changed.set()


class Steps(OneByOne):
    """Work that a test steers: a record's value says what to do, and events say how far it is.

    Value: b"reject", b"misconfigured", …: see `act`. Key: the record's own.
    """

    def __init__(self):
        self.log = []
        self.gates = defaultdict(asyncio.Event)
        self.acts = {}
        self.ended = []
        self.moved = asyncio.Event()

    def prepare(self, record):
        if record.value == b"refuse":
            raise Rejected("refused", code="refused")
        if record.value == b"bug":
            raise ZeroDivisionError
        return [(record.key, record)]

    async def handle(self, record):
        self._note("start", record)
        try:
            act = self.acts.get(record.value)
            if record.value == b"wait":
                await self.gates[record.offset].wait()
            elif act is not None:
                await act(record)
        except asyncio.CancelledError:
            self._note("cancelled", record)
            raise
        self._note("done", record)
        return "done"

    async def conclude(self, record, ended):
        self.ended.append((record.offset, [end.outcome for end in ended]))
        self.moved.set()

    def _note(self, what, record):
        self.log.append((what, record.partition, record.offset))
        self.moved.set()

    def offsets(self, what):
        return [offset for said, _, offset in self.log if said == what]


class Bench:
    """A pump at work on records that a test hands it."""

    def __init__(
        self, work=None, *, canary=None, supply=None, produce=None, again=as_it_is, shut=no_help, **settings
    ):
        self.group = Group()
        self.work = work or Steps()
        self.produced = []
        self._deliveries = asyncio.Queue()
        self._offsets = defaultdict(int)
        self.frozen_s = 0.0
        """How long the process was frozen, as its clock says afterwards."""

        async def well():
            pass

        async def keep(outgoing):
            self.produced.append(outgoing)

        self.pump = Pump(
            self.group,
            self.work,
            PumpSettings(dead_topic="dead", **{**FAST, **settings}),
            produce=produce or keep,
            canary=canary or well,
            supply=supply,
            again=again,
            shut=shut,
            now=lambda: AT,
            random=random.Random(1).random,
            monotonic=lambda: time.monotonic() + self.frozen_s,
        )

    async def __aenter__(self):
        self._consuming = asyncio.create_task(self.pump.consume(self._arriving()))
        return self

    async def __aexit__(self, *_):
        self._consuming.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._consuming
        await asyncio.gather(self.pump._dependency.stop(), self.pump._supply.stop())

    async def _arriving(self):
        while True:
            yield await self._deliveries.get()
            self._deliveries.task_done()

    def deliver(self, value=b"", *, key=b"k", partition=0, headers=(), topic="t", timestamp=None):
        offset = self._offsets[topic, partition]
        self._offsets[topic, partition] += 1
        at = 1_000 + offset if timestamp is None else timestamp
        record = Record(topic, partition, offset, at, key, value, tuple(headers))
        self._deliveries.put_nowait((record, self.group.generation))
        return record

    def deliver_again(self, record):
        self._deliveries.put_nowait((record, self.group.generation))

    async def until(self, said, limit_s=5.0):
        """Waits until `said()` is true; something of the group or the work wakes it."""
        async with asyncio.timeout(limit_s):
            while not said():
                waits = [asyncio.create_task(event.wait()) for event in (self.group.changed, self.work.moved)]
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED, timeout=0.01)
                for wait in waits:
                    wait.cancel()
                self.group.changed.clear()
                self.work.moved.clear()

    async def committed(self, offset, partition=0, topic="t"):
        await self.until(lambda: self.group.committed.get((topic, partition)) == offset)

    async def handed_over(self):
        """Waits until the pump has taken all that was delivered."""
        async with asyncio.timeout(5):
            await self._deliveries.join()

    async def rebalance(self):
        """Takes all partitions away and gives them back in a new generation."""
        # As Faust does: nothing flows from before the drain until the new generation is there.
        self.group.flowing = False
        await self.pump.drain()
        self.group.generation += 1
        self.group.flowing = True
