"""Asking a dependency until it answers, or until there is no time left for it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from streams.errors import Retryable
from streams.ports import Monotonic, Observed, Observer

T = TypeVar("T")

_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 1.0


async def persist(
    call: Callable[[], Awaitable[T]],
    *,
    step: str,
    until: float,
    try_s: float,
    monotonic: Monotonic,
    observe: Observer,
) -> T:
    """What `call` gives, tried again after each `Retryable` and each try of more than `try_s` seconds.

    Pauses double from 50 ms to 1 s, or are as long as the dependency asked for. Raises `Retryable` (code
    `unavailable`) as soon as no further try can begin before `until`, by `monotonic`, with the code
    `deadline_exceeded` where no try had failed by then; anything else at once.
    """
    pause, code = _FIRST_PAUSE_S, "deadline_exceeded"
    while True:
        try:
            async with asyncio.timeout(min(try_s, max(0.0, until - monotonic()))):
                return await call()
        except (Retryable, TimeoutError) as failure:
            observe(
                Observed("answer_retries", labels={"step": step, "code": getattr(failure, "code", "timeout")})
            )
            if isinstance(failure, Retryable) or monotonic() < until:
                code = "unavailable"
            wait = max(pause, getattr(failure, "retry_after", None) or 0.0)
            if monotonic() + wait >= until:
                raise Retryable(f"no {step} in the time that the question has", code=code) from failure
        await asyncio.sleep(wait)
        pause = min(2 * pause, _LONGEST_PAUSE_S)
