"""A document by its id: its key, what the index holds of it, and whether a key may know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from streams.errors import Rejected
from streams.gateway.index import LiveIndex
from streams.gateway.keys import Key
from streams.messages.changes import document_key
from streams.messages.held import Head
from streams.sources import Topics


class Lookup:
    """Finds documents of the native format: of them the key follows from tenant and id."""

    def __init__(self, topics: Topics, index: LiveIndex) -> None:
        self._topics, self._index = topics, index

    def keys(self, tenant: str, document_id: str) -> Sequence[UUID]:
        """The keys that the document may have, one for each source that may hold it."""
        return [
            document_key(source.topic, f"{tenant}/{document_id}")
            for source in self._topics.sources
            if source.format == "native" and source.tenant in {None, tenant}
        ]

    async def current(self, tenant: str, document_ids: Sequence[str]) -> Mapping[str, Head]:
        """The document that stands under each id, deletions too; of two sources' the later one."""
        named = {key: one for one in document_ids for key in self.keys(tenant, one)}
        found: dict[str, Head] = {}
        for key, head in (await self._index.standing(list(named))).items():
            before = found.get(named[key])
            ours = head.tenant == tenant and head.document_id == named[key]
            if ours and (before is None or _goes_before(head, before)):
                found[named[key]] = head
        return found

    async def readable(self, key: Key, document_id: str) -> Head:
        """The document. Raises `Rejected` (`absent`) where there is none, or none that this key may read."""
        head = (await self.current(key.tenant, [document_id])).get(document_id)
        if head is None or head.deleted or not head.admits(key.principals):
            raise Rejected("the index holds no such document that this key may read", code="absent")
        return head


def _goes_before(one: Head, other: Head) -> bool:
    """Whether `one` is what counts under an id that two sources use: one that is not gone, else the later."""
    return (not one.deleted, one.position) > (not other.deleted, other.position)
