"""The vacuum's rounds, in the background of a worker."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar
from uuid import UUID

from streams.errors import StreamsError
from streams.indexing.vacuum.bury import Burial
from streams.indexing.vacuum.vacuum import PAGE, Vacuum
from streams.messages.held import Head
from streams.ports import Monotonic, Observed, Observer, unobserved

T = TypeVar("T")


async def at_any_time() -> bool:
    """For whose clock is right."""
    return True


class Sweeper:
    """Settles the documents that it is told of, and now and then all that the store knows of.

    It looks every `tick_s` seconds; goes over all superseded documents every `round_s`, and over all
    passages, for orphans, every `orphans_s`, first after one `round_s`, as that is much to read. It is told
    of at most `room` documents at a time; the rounds find the others. Where the store fails, that is
    observed, and tried again later.

    What is below a floor is buried once that has been there for the grace. Nothing is done while `may` says
    that stamps can't be gone by.
    """

    def __init__(
        self,
        vacuum: Vacuum,
        burial: Burial,
        *,
        monotonic: Monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        tick_s: float = 5.0,
        round_s: float = 3600.0,
        orphans_s: float = 86_400.0,
        room: int = 100_000,
        may: Callable[[], Awaitable[bool]] = at_any_time,
        observe: Observer = unobserved,
    ) -> None:
        self._vacuum, self._burial, self._observe = vacuum, burial, observe
        self._monotonic, self._sleep = monotonic, sleep
        self._tick_s, self._room, self._may = tick_s, room, may
        self._due: dict[UUID, float] = {}
        self._rounds = {self._settle_unsettled: round_s, vacuum.sweep_orphans: orphans_s}
        self._next_round = {
            self._settle_unsettled: monotonic(),
            vacuum.sweep_orphans: monotonic() + round_s,
        }

    def hint(self, document_key: UUID) -> None:
        """Something of this document is superseded."""
        if document_key in self._due or len(self._due) < self._room:
            self._due[document_key] = self._monotonic()

    async def run(self) -> None:
        """Goes on until it is cancelled."""
        while True:
            await self.look()
            await self._sleep(self._tick_s)

    async def look(self) -> None:
        """Does what is due now; raises nothing of the store's."""
        if not await self._observed(self._may()):
            return
        now = self._monotonic()
        due = [key for key, when in self._due.items() if when <= now]
        for start in range(0, len(due), PAGE):
            await self._observed(self._settle(due[start : start + PAGE]))
        for go_round, every_s in self._rounds.items():
            if self._next_round[go_round] <= now:
                self._next_round[go_round] = now + every_s
                await self._observed(go_round())

    async def _settle(self, keys: Sequence[UUID]) -> None:
        """A first look at each begins to count its grace, a second one after it deletes."""
        again = self._monotonic() + self._vacuum.grace.total_seconds()
        self._due.update(dict.fromkeys(keys, again))
        for key, vacuumed in (await self._vacuum.settle(keys)).items():
            for floor in vacuumed.floors:
                await self._bury(floor)
            if not vacuumed.waiting and self._due.get(key) == again:
                del self._due[key]

    async def _settle_unsettled(self) -> None:
        for floor in (await self._vacuum.settle_unsettled()).floors:
            self._due[floor.document_key] = self._monotonic()

    async def _bury(self, floor: Head) -> None:
        async for key in self._burial(floor):
            self.hint(key)

    async def _observed(self, work: Awaitable[T]) -> T | None:
        try:
            return await work
        except Exception as error:  # noqa: BLE001 - the next look tries again; a vacuum that ended would not be seen
            code = error.code if isinstance(error, StreamsError) else "failed"
            self._observe(Observed("vacuum_failures", labels={"code": code}))
            return None
