"""The store's ports in memory, to the letter: what a store may do that the core must stand, this one does."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from streams.messages.held import Head, Passage, current
from streams.messages.position import Position
from streams.ports import PassageRef


class MemoryStore:
    """`Documents`, `Maintenance` and `Catalogue`. Every call is one step that nothing else comes into."""

    def __init__(self) -> None:
        self.held: dict[tuple[str, UUID], Passage] = {}
        self.all_heads: dict[UUID, dict[Position, Head]] = {}

    async def heads(self, document_keys: Sequence[UUID]) -> Mapping[UUID, Sequence[Head]]:
        return {key: list(self.all_heads[key].values()) for key in document_keys if key in self.all_heads}

    async def current_heads(self, document_keys: Sequence[UUID]) -> Mapping[UUID, Head]:
        return {key: head for key in document_keys if (head := self.current(key)) is not None}

    async def passages(self, tenant: str, ids: Sequence[UUID]) -> Sequence[Passage]:
        return [self.held[tenant, id_] for id_ in set(ids) if (tenant, id_) in self.held]

    async def write_passages(self, passages: Sequence[Passage]) -> None:
        for passage in passages:
            self.held[passage.tenant, passage.id] = passage

    async def write_heads(self, heads: Sequence[Head]) -> None:
        for head in heads:
            self.all_heads.setdefault(head.document_key, {})[head.position] = head

    async def unsettled(self, written_before: datetime) -> AsyncIterator[UUID]:
        for key, heads in list(self.all_heads.items()):
            head = current(list(heads.values()))
            if (len(heads) > 1 or head.deleted) and any(
                one.written < written_before for one in heads.values()
            ):
                yield key

    async def present(self, tenant: str, ids: Sequence[UUID]) -> Collection[UUID]:
        return {id_ for id_ in ids if (tenant, id_) in self.held}

    async def document_keys(
        self, source: str | None = None, after: UUID | None = None
    ) -> AsyncIterator[UUID]:
        for key in sorted(self.all_heads):
            of_source = source in {None, *(head.source for head in self.all_heads.get(key, {}).values())}
            if of_source and (after is None or key > after):
                yield key

    async def passages_of(self, document_keys: Sequence[UUID], tenant: str) -> Sequence[PassageRef]:
        return [
            _ref(passage)
            for passage in self.held.values()
            if passage.document_key in document_keys and passage.tenant == tenant
        ]

    async def passages_written_before(self, written: datetime) -> AsyncIterator[PassageRef]:
        for passage in list(self.held.values()):
            if passage.written < written:
                yield _ref(passage)

    async def delete_passages(self, tenant: str, ids: Sequence[UUID]) -> None:
        for id_ in ids:
            self.held.pop((tenant, id_), None)

    async def delete_heads(self, positions: Mapping[UUID, Collection[Position]]) -> None:
        for document_key, some in positions.items():
            heads = self.all_heads.get(document_key, {})
            for position in some:
                heads.pop(position, None)
            if not heads:
                self.all_heads.pop(document_key, None)

    def current(self, document_key: UUID) -> Head | None:
        return current(list(self.all_heads.get(document_key, {}).values()))

    def unlisted(self) -> list[Passage]:
        """Passages that their document's current head does not list."""
        return [
            passage
            for passage in self.held.values()
            if (head := self.current(passage.document_key)) is None
            or passage.id not in {entry.id for entry in head.passages}
        ]


def _ref(passage: Passage) -> PassageRef:
    return PassageRef(passage.id, passage.document_key, passage.tenant, passage.born)
