"""Waiting for what may take long, for as long as the key that asked for it is what it was."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from streams.gateway.http.problems import Problem

LOOK_S = 1.0
"""How often the key is looked at."""
CHANGED = "this key was revoked or changed since it asked"

T = TypeVar("T")


def insist(stands: Callable[[], bool]) -> None:
    """Raises `Problem` (`key_revoked`) where the key may not do any more what it was let in for."""
    if not stands():
        raise Problem(401, "key_revoked", CHANGED)


async def while_it_stands(
    coming: Coroutine[Any, Any, T], stands: Callable[[], bool], *, look_s: float = LOOK_S
) -> T:
    """What comes. Raises `Problem` (`key_revoked`) once the key may not have it any more."""
    waited_for = asyncio.create_task(coming)
    try:
        while not waited_for.done():
            await asyncio.wait({waited_for}, timeout=look_s)
            insist(stands)
        return waited_for.result()
    finally:
        waited_for.cancel()
        await asyncio.wait({waited_for})
