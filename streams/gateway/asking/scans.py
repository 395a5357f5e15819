"""How many topics are looked through at a time: for all, and for one key."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from streams.errors import Retryable

FOR_ALL, FOR_ONE = 4, 2
WAIT_S = 5.0
"""How long a request waits for its turn."""
BUSY = "too much is looked for at the moment; try again"


class Scans:
    """Turns at looking through topics, each of which takes a connection."""

    def __init__(self, *, wait_s: float = WAIT_S) -> None:
        self._wait_s = wait_s
        self._all = asyncio.Semaphore(FOR_ALL)
        self._of: dict[str, asyncio.Semaphore] = {}

    @asynccontextmanager
    async def turn(self, key_id: str | None = None) -> AsyncIterator[None]:
        """A turn, for the key where one is named. Raises `Retryable` (`busy`) where none is free in time."""
        async with AsyncExitStack() as stack:
            try:
                async with asyncio.timeout(self._wait_s):
                    if key_id is not None:
                        own = self._of.setdefault(key_id, asyncio.Semaphore(FOR_ONE))
                        await stack.enter_async_context(own)
                    await stack.enter_async_context(self._all)
            except TimeoutError:
                raise Retryable(BUSY, code="busy") from None
            yield
