"""The real indexers and vacuum, driven by hand: each call of a port is one step, and the clock is ours."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from streams.indexing.cutting.chunk import Chunk, Chunking
from streams.indexing.cutting.cut import Parsed
from streams.messages.changes import Document
from streams.messages.floors import is_floor
from streams.messages.held import Head, Passage, Vector
from streams.messages.position import Position
from streams.ports import PassageRef
from tests.unit.indexing.memory_store import MemoryStore

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
CHUNKING = Chunking(max_tokens=64)


class Clock:
    """Both clocks in one, in seconds since the test began."""

    def __init__(self) -> None:
        self.t = 0.0

    def now(self) -> datetime:
        return EPOCH + timedelta(seconds=self.t)

    def monotonic(self) -> float:
        return self.t


@dataclass(frozen=True, slots=True)
class Step:
    """Where a process stands: right before the call `name`, which may not begin before `after`."""

    name: str
    after: float = 0.0

    def __await__(self) -> Iterator[Step]:
        yield self


class SteppedStore:
    """A store each of whose calls waits until its process may take the step."""

    def __init__(
        self,
        store: MemoryStore,
        clock: Clock,
        *,
        knows_born: bool = True,
        knows_floors: bool = True,
        wrote: Callable[[Head], None] = lambda _head: None,
    ) -> None:
        self._store, self._clock, self._wrote = store, clock, wrote
        self._knows_born, self._knows_floors = knows_born, knows_floors

    async def heads(self, document_keys: Sequence[UUID]) -> Mapping[UUID, Sequence[Head]]:
        await Step("heads")
        found = await self._store.heads(document_keys)
        return {
            key: heads
            for key, heads in found.items()
            if self._knows_floors or not any(is_floor(head) for head in heads)
        }

    async def current_heads(self, document_keys: Sequence[UUID]) -> Mapping[UUID, Head]:
        await Step("current_heads")
        found = await self._store.current_heads(document_keys)
        return {key: head for key, head in found.items() if self._knows_floors or not is_floor(head)}

    async def passages(self, tenant: str, ids: Sequence[UUID]) -> Sequence[Passage]:
        await Step("passages")
        return await self._store.passages(tenant, ids)

    async def write_passages(self, passages: Sequence[Passage]) -> None:
        await Step("write_passages")
        await self._store.write_passages(passages)

    async def write_heads(self, heads: Sequence[Head]) -> None:
        await Step("write_heads")
        await self._store.write_heads(heads)
        for head in heads:
            self._wrote(head)

    async def unsettled(self, written_before: datetime) -> AsyncIterator[UUID]:
        await Step("unsettled")
        async for key in self._store.unsettled(written_before):
            yield key

    async def document_keys(
        self, source: str | None = None, after: UUID | None = None
    ) -> AsyncIterator[UUID]:
        await Step("document_keys")
        async for key in self._store.document_keys(source, after):
            yield key

    async def passages_of(self, document_keys: Sequence[UUID], tenant: str) -> Sequence[PassageRef]:
        await Step("passages_of")
        return [self._known(ref) for ref in await self._store.passages_of(document_keys, tenant)]

    async def passages_written_before(self, written: datetime) -> AsyncIterator[PassageRef]:
        await Step("passages_written_before")
        async for ref in self._store.passages_written_before(written):
            yield self._known(ref)

    async def delete_passages(self, tenant: str, ids: Sequence[UUID]) -> None:
        await Step("delete_passages")
        await self._store.delete_passages(tenant, ids)

    async def delete_heads(self, positions: Mapping[UUID, Collection[Position]]) -> None:
        await Step("delete_heads")
        await self._store.delete_heads(positions)

    async def sleep(self, seconds: float) -> None:
        await Step("sleep", self._clock.t + seconds)

    def _known(self, ref: PassageRef) -> PassageRef:
        born = ref.born if self._knows_born else Position(0, 0, 0, 0)
        return PassageRef(ref.id, ref.document_key, ref.tenant, born)


@dataclass(slots=True)
class Process:
    """A coroutine that stops before each call of a port. It has run up to its first one."""

    coroutine: Coroutine[Step, None, Any]
    at: Step | None = None
    result: Any = None
    last: str | None = None

    def __post_init__(self) -> None:
        self.step()

    def step(self) -> None:
        """Makes the call that it stands before, and goes on to the next."""
        self.last = self.at.name if self.at else None
        try:
            self.at = self.coroutine.send(None)
        except StopIteration as stop:
            self.at, self.result = None, stop.value

    def may_step(self, clock: Clock) -> bool:
        return self.at is not None and self.at.after <= clock.t

    def crash(self) -> None:
        """Is lost where it stands."""
        self.coroutine.close()
        self.at = None


class HashEmbedder:
    """Vectors that tell texts apart; `embedded` counts them."""

    model, dimension, window = "hash", 2, 64

    def __init__(self, *, stepped: bool = False) -> None:
        self._stepped = stepped
        self.embedded: list[str] = []

    async def embed_documents(self, texts: Sequence[str]) -> Sequence[Vector]:
        if self._stepped:
            await Step("embed")
        self.embedded += texts
        return [vector_of(text) for text in texts]

    async def embed_query(self, text: str) -> Vector:
        return vector_of(text)


def vector_of(text: str) -> Vector:
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
    return (digest[0] / 255, digest[1] / 255)


def paragraphs(text: str, /, *, media_type: str, chunking: Chunking) -> Sequence[Chunk]:
    """A chunk for each paragraph."""
    chunks, start, last = [], 0, 0
    for piece in text.split("\n\n"):
        if piece:
            chunks.append(Chunk(piece, start, start + len(piece), text[last:start]))
            last = start + len(piece)
        start += len(piece) + 2
    return chunks


def as_it_is(document: Document) -> Parsed:
    return Parsed(document.text, document.media_type)
