"""How many items go into a call: fewer after one that was too much, more again after some that were not."""

from __future__ import annotations

AFTER = 16
"""So many full calls' worth of items go well, in calls of whatever size, before a larger one is tried."""
AFTER_MOST = 1024
"""The same, where larger ones were too much again and again."""


class Fit:
    """The `size` of calls, from `most` items down to one."""

    def __init__(self, most: int) -> None:
        self.size = self._most = most
        self._after, self._well = AFTER, 0

    def too_much(self, items: int, *, sure: bool = True) -> None:
        """A call of so many was: half of them at a time from now on.

        `sure`: half of them went well then, so that a larger one is tried later each time. Otherwise whoever
        was asked may have hung, and that passes.
        """
        smaller = max(1, items // 2)
        if smaller < self.size:
            self.size, self._well = smaller, 0
            if sure:
                self._after = min(2 * self._after, AFTER_MOST)

    def well(self, items: int) -> None:
        """A call of so many was done."""
        if self.size == self._most:
            if items >= self._most:
                self._after = AFTER
            return
        self._well += items
        if self._well >= self._after * self.size:
            self.size, self._well = min(2 * self.size, self._most), 0
