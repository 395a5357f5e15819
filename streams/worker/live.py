"""The generations at work in a worker: the one that counts, and those that are written beside it."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from streams.confined.cutter import ConfinedCutter
from streams.errors import Misconfigured, StreamsError
from streams.indexing.batching.left import Left
from streams.indexing.batching.portions import PORTION
from streams.indexing.embedding import Progress
from streams.indexing.generations.following import Writing, unwritable
from streams.indexing.vacuum.sweeper import Sweeper
from streams.ports import Generation, Generations, Observer, Serving
from streams.settings import Settings
from streams.worker.at_work import AtWork, at_work
from streams.worker.clock import Clock
from streams.worker.generations import Following, Opened, Openings
from streams.worker.parts import Index, Store, utc_now

if TYPE_CHECKING:
    from streams.observe.tracing import Tracing

SWEEP_S = 5.0


class Live:
    """All generations that this worker works on, by what the record says at the moment.

    `left`: what attempts at documents left in any of them.
    """

    def __init__(
        self,
        follow: Following,
        openings: Openings,
        make: Callable[[Opened], AtWork],
        cuts: Callable[[], Awaitable[None]],
        left: Left | None = None,
    ) -> None:
        self.follow, self._openings, self._make, self._cuts = follow, openings, make, cuts
        self.left = left or Left()
        self._at_work: dict[str, AtWork] = {}

    async def __call__(self) -> AtWork:
        """The live one. Raises `Retryable` where the record can't be read, and as opening it does."""
        return await self._of((await self.follow()).record.live)

    async def serve(self) -> Serving:
        """The live one, for a question."""
        return (await self()).serving

    async def write(self, generation: Generation) -> Writing:
        """Any one, for a change."""
        return (await self._of(generation)).writing

    async def store(self) -> Store:
        """The live one's store."""
        return (await self()).opened.store

    @property
    def waiting(self) -> Mapping[str, int]:
        """What waits for the next call of an embedding model or the store, of all generations together."""
        counted: Counter[str] = Counter()
        for one in self._at_work.values():
            counted.update(one.waiting())
        return counted

    @property
    def embedding(self) -> Sequence[Progress]:
        """How far the documents are that are applied now, in any generation."""
        return [progress for one in self._at_work.values() for progress in one.embedding()]

    @property
    def batch(self) -> int:
        """Texts that go into one call of an embedding model, at most: the least of all generations."""
        return min((one.batch() for one in self._at_work.values()), default=PORTION)

    async def canary(self) -> None:
        """Does what indexing needs, in each generation that is written; raises where that fails."""
        await self._cuts()
        followed = await self.follow()
        live = await self._of(followed.record.live)
        await live.canary()
        for other in followed.others(live.opened.generation):
            try:
                await (await self._of(other)).canary()
            except Misconfigured as error:
                raise unwritable(other, error) from error

    async def ready(self) -> None:
        """Raises `Retryable` where the live one does not serve."""
        await (await self()).opened.store.ready()

    async def sweep(self, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """Sweeps behind each one that is written, until it is cancelled.

        The live one's rounds stand beside the others': neither opening those nor sweeping them takes long
        for it.
        """
        rounds = [asyncio.create_task(self._sweep(some, sleep)) for some in (self._of_live, self._of_others)]
        try:
            await asyncio.gather(*rounds)
        finally:
            for one in rounds:
                one.cancel()

    async def _sweep(
        self,
        sweepers: Callable[[Generations], AsyncIterator[Sweeper]],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        while True:
            # What can't be read or opened is told by whoever indexes.
            with suppress(StreamsError):
                async for sweeper in sweepers((await self.follow()).record):
                    await sweeper.look()
            await sleep(SWEEP_S)

    async def _of_live(self, record: Generations) -> AsyncIterator[Sweeper]:
        yield (await self._of(record.live)).sweeper

    async def _of_others(self, record: Generations) -> AsyncIterator[Sweeper]:
        # What is dropped at any moment is not opened for it: that would make it anew.
        if record.previous is not None and (before := self._at_work.get(record.previous.name)):
            yield before.sweeper
        if record.building is not None:
            yield (await self._of(record.building)).sweeper

    async def _of(self, generation: Generation) -> AtWork:
        at_work = self._at_work.get(generation.name)
        if at_work is None:
            made = self._make(await self._openings(generation))
            at_work = self._at_work.setdefault(generation.name, made)
        return at_work


def live_of(
    settings: Settings,
    index: Index,
    openings: Openings,
    cutter: ConfinedCutter,
    observe: Observer,
    tracing: Tracing | None = None,
    *,
    clock: Clock,
) -> Live:
    """All generations of an index, as these settings have them worked on."""
    left = Left()
    return Live(
        Following(index, now=utc_now, monotonic=time.monotonic, observe=observe),
        openings,
        lambda opened: at_work(opened, settings, cutter, observe, tracing, left=left, clock=clock),
        cutter.canary,
        left,
    )
