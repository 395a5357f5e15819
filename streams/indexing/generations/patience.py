"""Trying again while something is down."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from streams.errors import Retryable
from streams.ports import Monotonic

T = TypeVar("T")

FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 15.0


@dataclass(frozen=True, slots=True)
class Patience:
    """Calls again what raises `Retryable`, for up to `limit_s` seconds; then that is raised.

    `waits` is told why, and None when it is over.
    """

    monotonic: Monotonic
    limit_s: float = 600.0
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    waits: Callable[[str | None], None] = field(default=lambda _why: None)

    async def __call__(self, call: Callable[[], Awaitable[T]]) -> T:
        """What `call` gives in the end."""
        until, wait_s, waited = self.monotonic() + self.limit_s, FIRST_WAIT_S, False
        while True:
            try:
                done = await call()
            except Retryable as error:
                if self.monotonic() + wait_s > until:
                    raise
                waited = True
                self.waits(str(error))
                await self.sleep(wait_s)
                wait_s = min(2 * wait_s, LONGEST_WAIT_S)
            else:
                if waited:
                    self.waits(None)
                return done
