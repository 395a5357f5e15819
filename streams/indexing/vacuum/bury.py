"""Giving each document below a floor a deletion of its own, so that the vacuum drops its passages.

For who asks, all of them are gone from the moment that the floor is there; this is for the disk's sake.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol
from uuid import UUID

from streams.messages.floors import SWEPT, below, buried
from streams.messages.held import Head, current
from streams.pages import pages
from streams.ports import Catalogue, Now, Observed, Observer, unobserved

PAGE = 100
"""Documents whose heads are read together."""


class Ground(Catalogue, Protocol):
    """What there is, and where deletions are written."""

    async def write_heads(self, heads: Sequence[Head]) -> None:
        """As `Documents.write_heads`."""
        ...


class Burial:
    """Goes through the documents of a floor's source, and buries those below the floor.

    The floor must have been there for the grace: a plan from before it may still be about to write a head
    that is above the floor in the log, and below a deletion that stands at the floor's position. After
    that, a deletion makes nothing stale that the floor does not, and to write it twice is harmless.

    Raises as the ports do; called again, it goes on where it was left.
    """

    def __init__(self, ground: Ground, *, now: Now, observe: Observer = unobserved) -> None:
        self._ground, self._now, self._observe = ground, now, observe
        self._last: dict[UUID, UUID] = {}

    async def __call__(self, floor: Head) -> AsyncIterator[UUID]:
        """The documents that it buries. Once every document was looked at, the floor is marked as swept."""
        keys = self._ground.document_keys(floor.source, self._last.get(floor.id))
        async for page in pages(keys, PAGE):
            for key in await self.bury(page, floor):
                yield key
            self._last[floor.id] = page[-1]
        self._last.pop(floor.id, None)
        swept = replace(floor, row={SWEPT: self._now().isoformat()})
        await self._ground.write_heads([swept])

    async def bury(self, keys: Sequence[UUID], floor: Head) -> Sequence[UUID]:
        """Those of these documents that are below the floor and had no deletion yet."""
        written = self._now()
        found = await self._ground.heads(keys)
        heads = [head for key in keys if (head := current(found.get(key, ()))) is not None]
        deletions = [_deletion(head, floor, written) for head in heads if _lives_below(head, floor)]
        await self._ground.write_heads(deletions)
        self._observe(Observed("buried_documents", len(deletions)))
        return [deletion.document_key for deletion in deletions]


def _lives_below(head: Head, floor: Head) -> bool:
    return not head.deleted and below(head, floor)


def _deletion(head: Head, floor: Head, written: datetime) -> Head:
    gone = buried(head, floor)
    return replace(
        gone, passages=(), title=None, url=None, language=None, readers=(), metadata=(), written=written
    )
