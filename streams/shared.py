"""One attempt at what takes its time, for all who want it while it lasts."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

T = TypeVar("T")

CLOSE_S = 2.0
"""How long an attempt that is called off may take to end."""


class Shared(Generic[T]):
    """Whoever asks first begins the attempt; who asks meanwhile gets what it gives, or raises what it raises.

    It takes `limit_s` at most, and raises `late()` then. What it gave is believed for `max_age_s` from its
    beginning on. One who leaves does not end it for the others. `close` it at the end.
    """

    def __init__(
        self,
        attempt: Callable[[], Coroutine[Any, Any, T]],
        *,
        limit_s: float,
        late: Callable[[], Exception],
        max_age_s: float = 0.0,
    ) -> None:
        self._attempt, self._limit_s, self._late = attempt, limit_s, late
        self._max_age_s = max_age_s
        self._known: tuple[float, T] | None = None
        self._trying: asyncio.Task[T] | None = None

    async def __call__(self) -> T:
        """What it gives."""
        if self._known is not None and time.monotonic() - self._known[0] < self._max_age_s:
            return self._known[1]
        if self._trying is None or self._trying.done():
            self._trying = asyncio.create_task(self._within())
            self._trying.add_done_callback(_looked_at)
        trying = self._trying
        try:
            return await asyncio.shield(trying)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if trying.cancelled() and (task is None or not task.cancelling()):
                # Called off, or ended by a stray cancelling within: whoever waits was not cancelled.
                raise self._late() from None
            raise

    def forget(self) -> None:
        """What is known is believed no longer."""
        self._known = None

    async def close(self) -> None:
        """Calls off what goes on."""
        self.forget()
        if self._trying is not None:
            self._trying.cancel()
            await asyncio.wait([self._trying], timeout=CLOSE_S)

    async def _within(self) -> T:
        began = time.monotonic()
        try:
            async with asyncio.timeout(self._limit_s):
                made = await self._attempt()
        except TimeoutError:
            raise self._late() from None
        self._known = began, made
        return made


def _looked_at(task: asyncio.Task[Any]) -> None:
    # A failure that nobody waits for any more is no warning in the log.
    if not task.cancelled():
        task.exception()
