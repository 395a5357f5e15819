"""Questions that wait for the index: so many at most, so that they take no room from those that need not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


class TooMany(Exception):
    """Too many wait for the index already: all in all, or of this tenant."""


class Anteroom:
    """Room for `places` that wait for the index, and for no more than half as many of one tenant.

    Beside the `Room`, which holds these among all that waits, whatever for, and all of which one tenant may
    take where it is alone. This bounds one reason to wait, and each tenant's: else those questions of a
    tenant that demand what will not be indexed would fill the room until their deadlines, and its others
    be refused. Nobody goes from here in favour of who comes: who finds no place is answered from an older
    state of the index where it allows that.
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
