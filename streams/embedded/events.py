"""From a thread that calls back to an async iterator, and a word back that it may stop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Events(Generic[T]):
    """Made on the loop's thread; `emit` is called on another. Iterating gives what was emitted."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[T | None] = asyncio.Queue()
        self._stopped = threading.Event()

    def emit(self, event: T) -> bool:
        """Passes an event on; True where nobody wants more."""
        if not self._stopped.is_set():
            self._loop.call_soon_threadsafe(self._queue.put_nowait, event)
        return self._stopped.is_set()

    def end(self) -> None:
        """Nothing more comes (to be called on the loop's thread)."""
        self._queue.put_nowait(None)

    def stop(self) -> None:
        """Nobody wants more."""
        self._stopped.set()

    async def __aiter__(self) -> AsyncIterator[T]:
        """The events, until `end`."""
        while (event := await self._queue.get()) is not None:
            yield event
