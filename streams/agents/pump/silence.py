"""A limit on silence: how long nothing may come of some work before it counts as hung."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress


class Silence:
    """Has `limit`, of `limit_s` seconds, begin anew whenever something came of the work, and stand still."""

    def __init__(self, limit: asyncio.Timeout, limit_s: float, stirred: Callable[[], None]) -> None:
        self._limit, self._limit_s, self._stirred = limit, limit_s, stirred
        self._loop = asyncio.get_running_loop()
        self._since, self._agreed = self._loop.time(), False

    def broken(self) -> None:
        """Something came of it. Taken note of seldom: a timer costs more than most items are made of."""
        now = self._loop.time()
        if now - self._since >= self._limit_s / 100 and not self._agreed:
            self._since = now
            self._stirred()
            self._run_until(now + self._limit_s)

    @contextmanager
    def agreed(self) -> Iterator[None]:
        """Within it the work is not expected to go on: the limit goes on after it, where it was."""
        until = self._limit.when()
        left_s = None if until is None else until - self._loop.time()
        self._run_until(None)
        self._agreed = True
        try:
            yield
        finally:
            self._agreed = False
            self._run_until(None if left_s is None else self._loop.time() + left_s)

    def _run_until(self, when: float | None) -> None:
        with suppress(RuntimeError):  # Over: somebody goes on with what the handler asked for.
            self._limit.reschedule(when)
