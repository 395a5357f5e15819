"""A queue for each key: order within a key, no order between keys."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")


class Lanes(Generic[T]):
    """Items wait in line by key; at any time at most one `take` of a key is out.

    Every key with a lane is either out, or ready to be taken, never both.
    """

    def __init__(self) -> None:
        self._waiting: dict[Hashable, deque[T]] = {}
        self._ready: deque[Hashable] = deque()

    def __contains__(self, key: Hashable) -> bool:
        return key in self._waiting

    def put(self, key: Hashable, item: T) -> None:
        """Adds an item at the end of its key's line."""
        line = self._waiting.get(key)
        if line is None:
            self._waiting[key] = deque((item,))
            self._ready.append(key)
        else:
            line.append(item)

    def take(self) -> tuple[Hashable, list[T]] | None:
        """All that waits of the key that has been ready for longest; its key is out until `release`."""
        if not self._ready:
            return None
        key = self._ready.popleft()
        line = list(self._waiting[key])
        self._waiting[key].clear()
        return key, line

    def put_back(self, key: Hashable, items: Sequence[T]) -> None:
        """Returns items of a key that is out to the front of its line, in their order."""
        self._waiting[key].extendleft(reversed(items))

    def release(self, key: Hashable) -> None:
        """Ends what `take` began: the key is ready again, or forgotten where nothing waits."""
        if self._waiting.get(key):
            self._ready.append(key)
        else:
            self._waiting.pop(key, None)

    def abandon(self, key: Hashable) -> None:
        """Ends what `take` began, and drops what waits behind it: it must not overtake what was not done."""
        self._waiting.pop(key, None)

    def keep(self, wanted: Callable[[T], bool]) -> list[T]:
        """Drops what waits and is not wanted; gives what was dropped. No key stays claimed for nothing."""
        dropped = []
        for line in self._waiting.values():
            dropped += [item for item in line if not wanted(item)]
            kept = [item for item in line if wanted(item)]
            line.clear()
            line.extend(kept)
        for key in [key for key in self._ready if not self._waiting[key]]:
            del self._waiting[key]
        self._ready = deque(key for key in self._ready if key in self._waiting)
        return dropped

    def clear(self) -> None:
        """Forgets everything, keys that are out too."""
        self._waiting.clear()
        self._ready.clear()

    @property
    def empty(self) -> bool:
        """Whether no key is ready or out."""
        return not self._waiting
