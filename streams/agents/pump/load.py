"""Load: how much is taken in and not finished, and waiting until there is room for more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Load:
    """Records and their bytes. At most so many of each; what comes at once may follow the last that fits."""

    def __init__(self, max_records: int, max_bytes: int) -> None:
        self._max_records, self._max_bytes = max_records, max_bytes
        self.records = self._bytes = 0
        self._changed = asyncio.Event()

    @property
    def full(self) -> bool:
        """Whether no more is taken in now."""
        return self.records >= self._max_records or self._bytes >= self._max_bytes

    def add(self, size: int) -> None:
        """A record of `size` bytes is taken in."""
        self.records += 1
        self._bytes += size

    def remove(self, size: int) -> None:
        """A record of `size` bytes is finished."""
        self.records -= 1
        self._bytes -= size

    def clear(self) -> None:
        """Nothing is left."""
        self.records = self._bytes = 0

    def look_again(self) -> None:
        """Has who waits for room look whether there is some, or whether there is still reason to wait."""
        self._changed.set()

    async def room(self, wanted: Callable[[], bool]) -> None:
        """Returns when there is room, or it is not `wanted` any more."""
        while self.full and wanted():
            self._changed.clear()
            await self._changed.wait()
