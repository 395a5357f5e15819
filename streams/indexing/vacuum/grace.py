"""The grace: which head of a document has been there for so long that what it supersedes may go."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from streams.indexing.vacuum.reckoning import always
from streams.messages.held import Head, current
from streams.messages.position import Position
from streams.ports import Monotonic, Now

REMEMBERED = 100_000
"""Documents whose grace is counted at a time; beyond, the oldest count is given up and starts again."""


class Mark(NamedTuple):
    """What tells a head from any other, even from one that was written over it at the same position."""

    position: Position
    written: datetime
    passages: int


class Grace:
    """When a head of each document was first seen as the current one."""

    def __init__(
        self,
        now: Now,
        monotonic: Monotonic,
        length: timedelta,
        trusted_age: timedelta,
        since: Callable[[], datetime] = always,
    ) -> None:
        self._now, self._monotonic, self._trusted_age, self._since = now, monotonic, trusted_age, since
        self.length = length
        self._seen: dict[UUID, tuple[Mark, float]] = {}

    def base(self, heads: Sequence[Head]) -> Head | None:
        """The highest of a document's heads that is known to have been there for the grace, if one is.

        To be asked after each read of the heads. It counts for one head of a document at a time: for the
        current one, from when the last one's grace is over.
        """
        top = current(heads)
        if top is None:
            return None
        past = [one for one in heads if self.age(one) >= self._trusted_age]
        if top in past:
            self._seen.pop(top.document_key, None)
            return top
        mark, since = self._seen.get(top.document_key, (None, 0.0))
        seen = next((one for one in heads if _mark(one) == mark), None)
        if seen is None:
            seen, since = top, self._count(top)
        if self._monotonic() - since >= self.length.total_seconds():
            past.append(seen)
            if seen is not top:
                self._count(top)
        return current(past)

    def age(self, head: Head) -> timedelta:
        """How old it is, as far as its stamp can be gone by."""
        return self._now() - max(head.written, self._since())

    def _count(self, head: Head) -> float:
        """Begins to count this head's grace; gives from when."""
        key, since = head.document_key, self._monotonic()
        self._seen.pop(key, None)
        self._seen[key] = (_mark(head), since)
        oldest = next(iter(self._seen))
        forgettable = since - self._seen[oldest][1] >= self._trusted_age.total_seconds()
        if len(self._seen) > REMEMBERED or (forgettable and oldest != key):
            del self._seen[oldest]
        return since


def _mark(head: Head) -> Mark:
    return Mark(head.position, head.written, hash(head.passages))
