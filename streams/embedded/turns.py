"""Work that blocks, one piece after the other on a thread of its own, for a bounded number of requests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from streams.errors import Retryable

T = TypeVar("T")
OLLAMAS_WORDS = "server busy, please try again.  maximum pending requests exceeded"


class QueueFull(Retryable):
    """As many requests are admitted as may be."""

    def __init__(self) -> None:
        # Ollama's own words, by which clients know it.
        super().__init__(OLLAMAS_WORDS, code="overloaded")


class Turns:
    """A thread, and at most `most` requests that use it or wait for it. Requests take turns at each piece."""

    def __init__(self, name: str, most: int) -> None:
        self._admitted, self._most = 0, most
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)

    @contextmanager
    def admit(self) -> Iterator[None]:
        """Counts a request in. Raises QueueFull where that is one too many."""
        if self._admitted >= self._most:
            raise QueueFull
        self._admitted += 1
        try:
            yield
        finally:
            self._admitted -= 1

    def run(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """What `work` gives, in its turn. Cancelled before that, it is never begun."""
        return asyncio.get_running_loop().run_in_executor(self._thread, work)

    def close(self) -> None:
        """Lets the thread end; nothing new begins."""
        self._thread.shutdown(wait=False, cancel_futures=True)
