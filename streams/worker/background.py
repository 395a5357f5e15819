"""What runs beside a worker's agents, for as long as they do."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

logger = logging.getLogger(__name__)

Work = Callable[[], Awaitable[None]]

AGAIN_S = 15.0
"""How long after it failed a task is begun again."""


class Background:
    """Tasks of which none fails unseen, or for good: what they expect to fail they deal with themselves."""

    def __init__(self, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._sleep = sleep
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, name: str, work: Work) -> None:
        """Begins `work`, and begins it again where it raises; `name` is for the log."""
        self._tasks.append(asyncio.create_task(self._kept(name, work)))

    async def close(self) -> None:
        """Cancels all of them, and returns when they have ended."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _kept(self, name: str, work: Work) -> None:
        while True:
            try:
                await work()
            except Exception:
                logger.exception("%s failed; it is begun again in %.0f s", name, AGAIN_S)
            else:
                return
            await self._sleep(AGAIN_S)
