"""From one generation of the index to another: a document, brought to where it is in the first.

What is carried is the document's current head, with its text put together again from its passages, and it
goes through the other generation's own indexer, at the position that it has. So whoever carries a document
twice, or carries an older state of it after a newer one, changes nothing.

What the other generation refuses is hidden there: an older state of it may be one that somebody may not
read any more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Literal
from uuid import UUID

from streams.errors import Rejected
from streams.indexing.applied import Applies
from streams.indexing.generations.hiding import hidden
from streams.indexing.generations.lacking import lacking
from streams.indexing.generations.rebuild import rebuilt
from streams.messages.floors import is_floor
from streams.messages.held import Head
from streams.ports import Documents, Now

Brought = Literal["there", "brought", "replaced"]
"""`replaced`: the target showed another state of it."""

UTC_NOW: Now = partial(datetime.now, UTC)


class Carry:
    """Carries documents from `source` to `target`, which `indexer` writes."""

    def __init__(self, source: Documents, target: Documents, indexer: Applies, *, now: Now = UTC_NOW) -> None:
        self._source, self._target, self._indexer, self._now = source, target, indexer, now

    async def behind(self, keys: Sequence[UUID]) -> Sequence[UUID]:
        """Those documents that the target does not hold as the source does, nor any later state of them."""
        here = await self._source.current_heads(keys)
        there = await self._target.current_heads(keys)
        return [key for key in keys if lacking(here.get(key), there.get(key))]

    async def bring(self, key: UUID) -> Brought:
        """Brings one document to where the source has it, or finds it there or beyond.

        Raises as the target's indexer does, and `Rejected` (`passages_missing`) where the source lacks
        passages that the document's head lists. What is `Rejected` is hidden in the target.
        """
        last: Head | None = None
        while True:
            head = (await self._source.current_heads([key])).get(key)
            there = (await self._target.current_heads([key])).get(key)
            lacks = lacking(head, there)
            if head is None or lacks is None:
                return "there"
            if there is not None and lacks != "content":
                await (self._lift(there, head) if lacks == "place" else self._tidy(there))
                return "there"
            try:
                brought = await self._bring(head, again=last is not None and last.position == head.position)
            except Rejected:
                await self._hide(head, there)
                raise
            if brought is not None:
                if head.deleted and head.row:
                    await self._tidy_late(key)
                return "replaced" if brought == "brought" and there and not there.deleted else brought
            # A later head came, and the vacuum after it: read again.
            last = head

    async def _bring(self, head: Head, *, again: bool) -> Brought | None:
        """None where passages are not there, which may be as the head isn't current any more."""
        texts = await self._texts(head)
        if all(entry.id in texts for entry in head.passages):
            applied = await self._indexer.apply(rebuilt(head, texts))
            return "there" if applied.reason == "stale" else "brought"
        if again:
            raise Rejected(
                f"the index lacks passages of the document {head.document_key}:"
                " `rag-streams reconcile --repair`",
                code="passages_missing",
            )
        return None

    async def _lift(self, there: Head, head: Head) -> None:
        """Puts a document where the head is: what is older than that must be stale here, too."""
        await self._target.write_heads([replace(there, position=head.position, written=self._now())])

    async def _tidy_late(self, key: UUID) -> None:
        """Takes the row away where that was done in the source while it was carried, with the deletion."""
        head = (await self._source.current_heads([key])).get(key)
        there = (await self._target.current_heads([key])).get(key)
        if there is not None and lacking(head, there) == "tidying":
            await self._tidy(there)

    async def _tidy(self, there: Head) -> None:
        """Takes the row away that a deletion kept, and the one that its tombstone stands above."""
        heads = (await self._target.heads([there.document_key])).get(there.document_key, ())
        of_it = [head for head in heads if head.deleted and head.position[:2] == there.position[:2]]
        await self._target.write_heads([replace(head, row={}) for head in of_it if head.row])

    async def _hide(self, head: Head, there: Head | None) -> None:
        """Takes away what is older than the head. A later state, that came meanwhile, is above it."""
        hiding = hidden(head, self._now())
        is_hidden = there is not None and there.deleted and there.position == hiding.position
        is_first = hiding.position == head.position
        if not is_hidden and not is_first and not is_floor(head):
            await self._target.write_heads([hiding])

    async def _texts(self, head: Head) -> Mapping[UUID, str]:
        if head.tenant is None or not head.passages:
            return {}
        ids = [entry.id for entry in head.passages]
        return {one.id: one.text for one in await self._source.passages(head.tenant, ids)}
