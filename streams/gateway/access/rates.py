"""How often a key may ask, and how those who have none are slowed down."""

from __future__ import annotations

import asyncio
import math
import time
from dataclasses import dataclass

from limits import RateLimitItem, RateLimitItemPerMinute, parse
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import FixedWindowRateLimiter

FAILURES = RateLimitItemPerMinute(30)
"""Attempts without a good key, from one address; after that they are refused at once."""
TOLD = RateLimitItemPerMinute(1)
"""Lines in the log about one address, for one reason."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.25, 2.0
SLOWED_AT_ONCE = 200
"""Attempts that are held up at a time: the rest is answered at once, so that holding up costs no room."""


@dataclass(frozen=True, slots=True)
class Quota:
    """What a key may do: `left` requests of `limit` in this window of `window_s`, which ends in `reset_s`."""

    allowed: bool
    limit: int
    left: int
    window_s: int
    reset_s: int

    def headers(self) -> dict[str, str]:
        """As draft-ietf-httpapi-ratelimit-headers-10 writes it, and `Retry-After` where nothing is left."""
        said = {
            "RateLimit-Policy": f'"key";q={self.limit};w={self.window_s}',
            "RateLimit": f'"key";r={self.left};t={self.reset_s}',
        }
        return said if self.allowed else said | {"Retry-After": str(self.reset_s)}


class Rates:
    """Counts requests, in this process's memory. `default` is for keys that have no limit of their own."""

    def __init__(self, default: str) -> None:
        self._default = default
        self._items: dict[str, RateLimitItem] = {}
        self._limiter = FixedWindowRateLimiter(MemoryStorage())
        self._slowed = asyncio.Semaphore(SLOWED_AT_ONCE)

    async def count(self, key_id: str, limit: str | None) -> Quota:
        """Counts a request of a key."""
        item = self._item(limit or self._default)
        allowed = await self._limiter.hit(item, "key", key_id)
        stats = await self._limiter.get_window_stats(item, "key", key_id)
        reset_s = max(1, math.ceil(stats.reset_time - time.time()))
        return Quota(allowed, item.amount, max(0, stats.remaining), item.get_expiry(), reset_s)

    async def failed(self, address: str) -> int | None:
        """Counts an attempt without a good key, and holds it up.

        Gives the seconds to stay away for where there were too many from that address; those are not held up.
        """
        allowed = await self._limiter.hit(FAILURES, "failed", address)
        stats = await self._limiter.get_window_stats(FAILURES, "failed", address)
        if not allowed:
            return max(1, math.ceil(stats.reset_time - time.time()))
        if not self._slowed.locked():
            async with self._slowed:
                failures = FAILURES.amount - stats.remaining
                await asyncio.sleep(min(FIRST_PAUSE_S * 2 ** (failures - 1), LONGEST_PAUSE_S))
        return None

    async def worth_a_line(self, address: str, reason: str) -> bool:
        """Whether the log is to tell of an attempt from there: of the first for this reason in a minute."""
        return await self._limiter.hit(TOLD, "told", address, reason)

    def _item(self, limit: str) -> RateLimitItem:
        if limit not in self._items:
            self._items[limit] = parse(limit.replace("/", " per "))
        return self._items[limit]
