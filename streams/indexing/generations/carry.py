"""From one generation of the index to another: a document, brought to where it is in the first.

What is carried is the document's current head, with its text put together again from its passages, and it
goes through the other generation's own indexer, at the position that it has. So whoever carries a document
twice, or carries an older state of it after a newer one, changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal
from uuid import UUID

from streams.errors import Rejected
from streams.indexing.applied import Applies
from streams.indexing.generations.rebuild import rebuilt
from streams.messages.held import Head
from streams.ports import Documents

Brought = Literal["there", "brought"]


class Carry:
    """Carries documents from `source` to `target`, which `indexer` writes."""

    def __init__(self, source: Documents, target: Documents, indexer: Applies) -> None:
        self._source, self._target, self._indexer = source, target, indexer

    async def behind(self, keys: Sequence[UUID]) -> Sequence[UUID]:
        """Those documents that the target does not hold as the source does, nor any later state of them."""
        here = await self._source.current_heads(keys)
        there = await self._target.current_heads(keys)
        return [key for key in keys if _behind(here.get(key), there.get(key))]

    async def bring(self, key: UUID) -> Brought:
        """Brings one document to where the source has it, or finds it there or beyond.

        Raises as the target's indexer does, and `Rejected` (`passages_missing`) where the source lacks
        passages that the document's head lists.
        """
        last: Head | None = None
        while True:
            head = (await self._source.current_heads([key])).get(key)
            there = (await self._target.current_heads([key])).get(key)
            if head is None or not _behind(head, there):
                return "there"
            texts = await self._texts(head)
            if all(entry.id in texts for entry in head.passages):
                applied = await self._indexer.apply(rebuilt(head, texts))
                return "there" if applied.reason == "stale" else "brought"
            if last is not None and last.position == head.position:
                raise Rejected(
                    f"the index lacks passages of the document {key}: `rag-streams reconcile --repair`",
                    code="passages_missing",
                )
            # A later head came, and the vacuum after it: read again.
            last = head

    async def _texts(self, head: Head) -> Mapping[UUID, str]:
        if head.tenant is None or not head.passages:
            return {}
        ids = [entry.id for entry in head.passages]
        return {one.id: one.text for one in await self._source.passages(head.tenant, ids)}


def _behind(here: Head | None, there: Head | None) -> bool:
    return here is not None and (there is None or there.position < here.position)
