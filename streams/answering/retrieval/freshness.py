"""Freshness: whether the index is as far as a question demands, and waiting for it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from streams.errors import Retryable
from streams.messages.records import Offset, reached
from streams.ports import Monotonic

POLL_S = 0.05
"""Seconds between two looks at the watermark."""


@dataclass(frozen=True, slots=True)
class Freshness:
    """The watermark as it was read last, and whether it falls short of what was demanded.

    `never`: no waiting would have helped, as no source has the partition. Stale, too, where it can't be told.
    """

    watermark: tuple[Offset, ...]
    stale: bool
    never: bool = False


async def freshness(
    read: Callable[[], Awaitable[Sequence[Offset]]],
    unreachable: Callable[[], Awaitable[Sequence[Offset]]],
    after: Sequence[Offset],
    *,
    until: float,
    monotonic: Monotonic,
    untold: bool = False,
    told: tuple[Offset, ...] = (),
) -> Freshness:
    """The watermark once it covers `after`, or as it is at `until` (monotonic), or where it never will.

    `unreachable`: those of `after` that are in no source's partition. Raises what the two raise; where they
    are `Retryable` and `untold` is allowed, it is the watermark as it was `told` last, or an empty one.
    """
    applied = told
    try:
        while True:
            applied = tuple(await read())
            if reached(after, applied):
                return Freshness(applied, stale=False)
            if await unreachable():
                return Freshness(applied, stale=True, never=True)
            left = until - monotonic()
            if left <= 0:
                return Freshness(applied, stale=True)
            await asyncio.sleep(min(POLL_S, left))
    except Retryable:
        if not untold:
            raise
        return Freshness(applied, stale=bool(after))
