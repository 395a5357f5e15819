"""Demand: whether any question needs the models now, for what must not be in its way."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class Demand:
    """Counts questions, and says at once when the first comes and when the last has gone."""

    def __init__(self) -> None:
        self._count = 0
        self._some, self._none = asyncio.Event(), asyncio.Event()
        self._none.set()

    @contextmanager
    def one(self) -> Iterator[None]:
        """One more for as long as the block lasts."""
        self._count += 1
        self._none.clear()
        self._some.set()
        try:
            yield
        finally:
            self._count -= 1
            if not self._count:
                self._some.clear()
                self._none.set()

    async def some(self) -> None:
        """Returns when there is one."""
        await self._some.wait()

    async def calm(self, for_s: float) -> None:
        """Returns when there has been none for so many seconds."""
        while True:
            await self._none.wait()
            try:
                async with asyncio.timeout(for_s):
                    await self._some.wait()
            except TimeoutError:
                return
