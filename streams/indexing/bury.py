"""Giving each document below a floor a deletion of its own, so that the vacuum drops its passages.

For who asks, all of them are gone from the moment that the floor is there; this is for the disk's sake.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple, Protocol
from uuid import UUID

from streams.messages.floors import SWEPT, below, buried
from streams.messages.held import Head, current
from streams.ports import Catalogue, Now, Observed, Observer, unobserved

PAGE = 100
"""Documents whose heads are read together."""


class Floor(NamedTuple):
    """A source's floor. `settled`: no plan that was made before it is carried out any more."""

    head: Head
    settled: bool


class Ground(Catalogue, Protocol):
    """What there is, and where deletions are written."""

    async def write_heads(self, heads: Sequence[Head]) -> None:
        """As `Documents.write_heads`."""
        ...


class Burial:
    """Goes through the documents of a floor's source, and buries those below the floor.

    A deletion stands at the floor's own position. So it makes nothing stale that the floor does not, and to
    write it twice, or beside an indexer, is harmless. Raises as the ports do; called again, it goes on
    where it was left.
    """

    def __init__(self, ground: Ground, *, now: Now, observe: Observer = unobserved) -> None:
        self._ground, self._now, self._observe = ground, now, observe
        self._last: dict[tuple[UUID, bool], UUID] = {}

    async def __call__(self, floor: Floor) -> AsyncIterator[UUID]:
        """The documents that it buries. Ends once every document was looked at.

        A floor that is settled by then is marked as swept: nothing below it is left, or can come.
        """
        going = (floor.head.id, floor.settled)
        async for page in self._pages(floor.head.source, self._last.get(going)):
            for key in await self.bury(page, floor.head):
                yield key
            self._last[going] = page[-1]
        self._last.pop(going, None)
        if floor.settled:
            swept = replace(floor.head, row={SWEPT: self._now().isoformat()})
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

    async def _pages(self, source: str, after: UUID | None) -> AsyncIterator[list[UUID]]:
        page: list[UUID] = []
        async for key in self._ground.document_keys(source, after):
            page.append(key)
            if len(page) == PAGE:
                yield page
                page = []
        if page:
            yield page


def _lives_below(head: Head, floor: Head) -> bool:
    return not head.deleted and below(head, floor)


def _deletion(head: Head, floor: Head, written: datetime) -> Head:
    gone = buried(head, floor)
    return replace(
        gone, passages=(), title=None, url=None, language=None, readers=(), metadata=(), written=written
    )
