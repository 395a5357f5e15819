"""Asking a dependency until it answers, or until there is no time left for it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from streams.errors import Retryable
from streams.ports import Monotonic, Observed, Observer

T = TypeVar("T")

_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 1.0


@dataclass(frozen=True, slots=True)
class Patience:
    """Calls dependencies: again after each `Retryable`, and after each try of more than `try_s` seconds."""

    try_s: float
    monotonic: Monotonic
    observe: Observer

    async def __call__(self, step: str, call: Callable[[], Awaitable[T]], until: float) -> T:
        """What `call` gives.

        Pauses double from 50 ms to 1 s, or are as long as the dependency asked for. Raises `Retryable` (code
        `unavailable`) as soon as no further try can begin before `until`, by `monotonic`, with the code
        `deadline_exceeded` where no try had failed by then; anything else at once.
        """
        pause, code = _FIRST_PAUSE_S, "deadline_exceeded"
        while True:
            try:
                async with asyncio.timeout(min(self.try_s, max(0.0, until - self.monotonic()))):
                    return await call()
            except (Retryable, TimeoutError) as failure:
                reason = getattr(failure, "code", "timeout")
                self.observe(Observed("answer_retries", labels={"step": step, "code": reason}))
                if isinstance(failure, Retryable) or self.monotonic() < until:
                    code = "unavailable"
                wait = max(pause, getattr(failure, "retry_after", None) or 0.0)
                if self.monotonic() + wait >= until:
                    raise Retryable(f"no {step} in the time that the question has", code=code) from failure
            await asyncio.sleep(wait)
            pause = min(2 * pause, _LONGEST_PAUSE_S)
