"""Waiting for what others must do first, without taking up the room that they need for it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Sleep = Callable[[float], Awaitable[None]]

_sleeping: ContextVar[Sleep] = ContextVar("aside", default=asyncio.sleep)


async def sleep(seconds: float) -> None:
    """Sleeps at least so long; whoever runs this task has others run meanwhile, where it says so.

    Not to be put under a limit of one's own: whoever is cancelled in it goes on without a slot.
    """
    await _sleeping.get()(seconds)


@contextmanager
def slept(by: Sleep) -> Iterator[None]:
    """Within it, `sleep` is `by`."""
    token = _sleeping.set(by)
    try:
        yield
    finally:
        _sleeping.reset(token)
