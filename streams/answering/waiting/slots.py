"""Slots: so many replies are generated at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import ExitStack, asynccontextmanager, suppress


class Slots:
    """`count` of them."""

    def __init__(self, count: int) -> None:
        self._free = asyncio.Semaphore(count)
        self.taken = 0
        """How many are taken now."""

    @property
    def locked(self) -> bool:
        """Whether all of them are."""
        return self._free.locked()

    @asynccontextmanager
    async def take(self, within_s: float) -> AsyncGenerator[Callable[[], None], None]:
        """A slot, and what lets go of it before the end of the body; none where it takes longer than that."""
        with ExitStack() as held:
            with suppress(TimeoutError):
                async with asyncio.timeout(max(within_s, 0.0)):
                    await self._free.acquire()
                held.callback(self._let_go)
                self.taken += 1
            yield held.close

    def _let_go(self) -> None:
        self.taken -= 1
        self._free.release()
