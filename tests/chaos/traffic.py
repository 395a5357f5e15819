"""The one loop of every run: what is sent to a cluster and who looks on, until all has come to rest."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from tests.chaos.cluster import SETTLE_S, Cluster
from tests.chaos.load import Load
from tests.chaos.questions import DEADLINE_MS, Questions


class Traffic:
    """Changes, by a seed, and their receipts."""

    def __init__(self, cluster: Cluster, *, load: Load | None = None, pace_s: float = 0.02) -> None:
        self.cluster = cluster
        self._load, self._pace_s = load or Load(cluster.seed), pace_s

    @asynccontextmanager
    async def going(self) -> AsyncIterator[Going]:
        """Goes on while the body runs, which has it come to rest. Raises what one of it has failed with."""
        stop = asyncio.Event()
        following = [asyncio.create_task(work) for work in self.following()]
        loading = [asyncio.create_task(work) for work in self.loading(stop)]
        try:
            yield Going(self, stop, loading, following)
        finally:
            await _ended([*loading, *following])

    def loading(self, stop: asyncio.Event) -> list[Coroutine[Any, Any, None]]:
        """What is sent until it is told to stop."""
        return [self.cluster.load(self._load, self._pace_s, stop)]

    def following(self) -> list[Coroutine[Any, Any, None]]:
        """What looks on, for as long as it runs."""
        return [self.cluster.follow()]

    async def settle(self) -> None:
        """Waits until all that was sent has come to its end."""
        await self.cluster.settle()

    async def problems(self) -> list[str]:
        """All that is wrong."""
        return await self.cluster.check()

    def sent(self) -> str:
        """How much was sent so far."""
        return f"{len(self.cluster.sent)} changes"

    def ends(self) -> str:
        """How much was sent, and how that ended."""
        return f"{len(self.cluster.sent)} changes {dict(self.cluster.outcomes())}"


class Asking(Traffic):
    """Questions beside the changes."""

    def __init__(
        self, cluster: Cluster, questions: Questions, *, load: Load | None = None, pace_s: float = 0.05
    ) -> None:
        super().__init__(cluster, load=load, pace_s=pace_s)
        self._questions = questions

    def loading(self, stop: asyncio.Event) -> list[Coroutine[Any, Any, None]]:
        return [*super().loading(stop), self._questions.ask(1.0, stop)]

    def following(self) -> list[Coroutine[Any, Any, None]]:
        return [*super().following(), self._questions.follow()]

    async def settle(self) -> None:
        await super().settle()
        with suppress(TimeoutError):
            await self._questions.settle(3 * DEADLINE_MS / 1000)

    async def problems(self) -> list[str]:
        return [*self._questions.problems(), *await super().problems()]

    def sent(self) -> str:
        return f"{super().sent()}, {len(self._questions.asked)} questions"

    def ends(self) -> str:
        asked = self._questions
        return f"{super().ends()}, {len(asked.asked)} questions {dict(asked.ends())}"


class Going:
    """What goes on."""

    def __init__(
        self,
        traffic: Traffic,
        stop: asyncio.Event,
        loading: Sequence[asyncio.Task[None]],
        following: Sequence[asyncio.Task[None]],
    ) -> None:
        self._traffic, self._stop, self._loading, self._following = traffic, stop, loading, following

    def check(self) -> None:
        """Raises what one who sends or looks on has failed with."""
        for work in (*self._loading, *self._following):
            if work.done():
                work.result()

    async def rest(self) -> None:
        """Nothing more is sent; returns when all that was has come to its end. Who looks on goes on."""
        self._stop.set()
        await asyncio.wait_for(asyncio.gather(*self._loading), SETTLE_S)
        await self._traffic.settle()


async def _ended(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Ends them. Raises what one of them had failed with."""
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    for task in tasks:
        with suppress(asyncio.CancelledError):
            task.result()
