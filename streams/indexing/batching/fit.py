"""How many items go into a call: fewer after one that was too much, more again after many that were not."""

from __future__ import annotations

AFTER = 32
"""So many full calls go well before a larger one is tried."""
AFTER_MOST = 1024
"""The same, where larger ones were too much again and again."""


class Fit:
    """The `size` of calls, from `most` items down to one."""

    def __init__(self, most: int) -> None:
        self.size = self._most = most
        self._after, self._well = AFTER, 0

    def too_much(self, items: int) -> None:
        """A call of so many was: half of them at a time from now on."""
        smaller = max(1, items // 2)
        if smaller < self.size:
            self.size, self._well = smaller, 0
            self._after = min(2 * self._after, AFTER_MOST)

    def well(self, items: int) -> None:
        """A call of so many was done. Less than `size` says nothing about more."""
        if items < self.size:
            return
        if self.size == self._most:
            self._after = AFTER
            return
        self._well += 1
        if self._well >= self._after:
            self.size, self._well = min(2 * self.size, self._most), 0
