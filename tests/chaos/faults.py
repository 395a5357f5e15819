"""The faults of a run, and the plan that a seed makes of them."""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from ops.servers.launch import Weaviate
from tests.bench.workers import Worker
from tests.chaos.cluster import Cluster

FREEZE_S = 15.0
"""Longer than the session of a worker, which is then given up for dead."""


@dataclass(frozen=True, slots=True)
class Strike:
    """A fault, after a while."""

    after_s: float
    fault: str


class Faults:
    """What can be done to a cluster. Each leaves it so that it can come to rest again."""

    def __init__(self, cluster: Cluster, weaviate: Weaviate | None, seed: int) -> None:
        self._cluster, self._weaviate, self._chance = cluster, weaviate, random.Random(seed)
        self.struck: list[str] = []

    @property
    def known(self) -> Mapping[str, Callable[[], Awaitable[None]]]:
        """By name."""
        return {
            "kill": self.kill,
            "term": self.term,
            "add": self.add,
            "remove": self.remove,
            "freeze": self.freeze,
            "store": self.store,
        }

    async def strike(self, fault: str) -> None:
        """Does it, and remembers it."""
        self.struck.append(fault)
        await self.known[fault]()

    async def kill(self) -> None:
        """SIGKILL, and another worker in its place."""
        worker = self._any()
        await asyncio.to_thread(worker.kill)
        self._cluster.workers.remove(worker)
        await asyncio.sleep(self._chance.uniform(0, 2))
        self._cluster.add()

    async def term(self) -> None:
        """SIGTERM, and another worker in its place, as a rolling restart does it."""
        await self._cluster.remove(self._any())
        self._cluster.add()

    async def add(self) -> None:
        """One more, unless there are many."""
        if len(self._cluster.workers) < 3:
            await asyncio.to_thread(self._cluster.add().ready)

    async def remove(self) -> None:
        """One less, unless it is the last."""
        if len(self._cluster.workers) > 1:
            await self._cluster.remove(self._any())

    async def freeze(self) -> None:
        """SIGSTOP past its session, then SIGCONT: it wakes with work in hand that is others' by now."""
        worker = self._any()
        worker.process.send_signal(signal.SIGSTOP)
        try:
            await asyncio.sleep(FREEZE_S)
        finally:
            worker.process.send_signal(signal.SIGCONT)

    async def store(self) -> None:
        """Weaviate is killed, and back after a while."""
        if self._weaviate is None:
            return
        await asyncio.to_thread(self._weaviate.kill)
        await asyncio.sleep(self._chance.uniform(1, 8))
        await asyncio.to_thread(self._weaviate.start)

    def _any(self) -> Worker:
        return self._chance.choice(self._cluster.workers)


def plan(seed: int, faults: Sequence[str], *, seconds: float, every_s: tuple[float, float]) -> list[Strike]:
    """Faults, one after the other, for about so long; the same for the same arguments."""
    chance, strikes, at = random.Random(seed), [], 0.0
    while at < seconds:
        after = chance.uniform(*every_s)
        at += after
        strikes.append(Strike(after, chance.choice(faults)))
    return strikes
