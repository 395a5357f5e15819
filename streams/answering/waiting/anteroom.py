"""Questions that wait for the index: so many at most, so that they keep no others from being taken in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


class TooMany(Exception):
    """Too many wait for the index already: all in all, or of this tenant."""


class Anteroom:
    """Room for `places` that wait, and for no more than half as many of one tenant.

    Whoever waits here is a question that a worker has taken from Kafka and can't answer yet. Without a bound
    those of one client, that demand what will not be indexed, would be all that the worker takes.
    """

    def __init__(self, places: int) -> None:
        self._places = places
        self._waiting: Counter[str] = Counter()

    @contextmanager
    def enter(self, tenant: str) -> Iterator[None]:
        """A place for as long as the block lasts. Raises `TooMany`."""
        if self._waiting.total() >= self._places or self._waiting[tenant] >= max(1, self._places // 2):
            raise TooMany
        self._waiting[tenant] += 1
        try:
            yield
        finally:
            self._waiting[tenant] -= 1
            if not self._waiting[tenant]:
                del self._waiting[tenant]
