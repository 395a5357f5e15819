"""Work side by side, but in order where it has the same key."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable


class SideBySide:
    """Up to `slots` calls at once, those of one key one after the other, as they were given.

    The tasks belong to `group`, which is left when all are done, and raises what one of them raised.
    """

    def __init__(self, group: asyncio.TaskGroup, *, slots: int) -> None:
        self._group, self._free = group, asyncio.Semaphore(slots)
        self._last: dict[Hashable, asyncio.Task[None]] = {}

    async def put(self, key: Hashable, call: Callable[[], Awaitable[None]]) -> None:
        """Returns once there is room for it."""
        await self._free.acquire()
        task = self._group.create_task(self._run(self._last.get(key), call))
        self._last[key] = task
        task.add_done_callback(lambda done: self._done(key, done))

    async def _run(self, before: asyncio.Task[None] | None, call: Callable[[], Awaitable[None]]) -> None:
        if before is not None:
            await asyncio.wait({before})
        await call()

    def _done(self, key: Hashable, task: asyncio.Task[None]) -> None:
        self._free.release()
        if self._last.get(key) is task:
            del self._last[key]
