"""The index: documents written, found, looked after, and listed; each a small protocol of one store."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from streams.messages.held import Head, Passage, Vector
from streams.messages.position import Position


class Documents(Protocol):
    """Heads and passages, read and written. All writes are idempotent: ids are made of content."""

    async def current_heads(self, document_keys: Sequence[UUID]) -> Mapping[UUID, Head]:
        """Of each document that has one the head with the highest position, which the document is."""
        ...

    async def heads(self, document_keys: Sequence[UUID]) -> Mapping[UUID, Sequence[Head]]:
        """As `Maintenance.heads`."""
        ...

    async def passages(self, tenant: str, ids: Sequence[UUID]) -> Sequence[Passage]:
        """The passages that exist among `ids`, with their vectors, in no order; unknown tenant: none."""
        ...

    async def write_passages(self, passages: Sequence[Passage]) -> None:
        """Writes all of them, of any tenants, creating tenants as needed; searchable on return."""
        ...

    async def write_heads(self, heads: Sequence[Head]) -> None:
        """Writes heads, at the strongest consistency that there is; visible to all reads on return."""
        ...


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """A hybrid query in one tenant.

    A passage qualifies where `readers` of it holds `*` or one of `principals`, its metadata holds every
    one of `filters` (`name=value`), and its id is not in `exclude`. `alpha` weighs the vector arm
    against the word arm, 0 (words only) to 1 (vectors only).
    """

    tenant: str
    text: str
    vector: Vector
    principals: tuple[str, ...] = ()
    filters: tuple[str, ...] = ()
    limit: int = 20
    exclude: frozenset[UUID] = frozenset()
    alpha: float = 0.5


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that a search found, current or not.

    `score` is the fused rank score, only comparable within one result; `similarity` is the cosine of
    passage and query vector, -1 to 1, whichever arm found it.
    """

    id: UUID
    document_key: UUID
    tenant: str
    text: str
    title: str
    score: float
    similarity: float


class Search(Protocol):
    """Finding passages, and the heads that say which of them count."""

    async def hybrid(self, query: SearchQuery) -> Sequence[Hit]:
        """The best passages, best first; a tenant that does not exist has none."""
        ...

    async def current_heads(self, document_keys: Sequence[UUID]) -> Mapping[UUID, Head]:
        """As `Documents.current_heads`."""
        ...

    async def word_counts(self, tenant: str, words: Sequence[str]) -> tuple[int, Mapping[str, int]]:
        """How many passages the tenant holds, superseded ones included, and how many hold each word.

        Words are matched as the word arm of `hybrid` matches them.
        """
        ...


@dataclass(frozen=True, slots=True)
class PassageRef:
    """What the vacuum needs to know of a passage."""

    id: UUID
    document_key: UUID
    tenant: str
    born: Position


class Maintenance(Protocol):
    """What the vacuum needs: finding what may be superseded, and deleting it."""

    def unsettled(self, written_before: datetime) -> AsyncIterator[UUID]:
        """Keys of documents that may have something to vacuum.

        At least all documents with a superseded head, or whose current head is a deletion, and that
        was written before then; more is harmless, repeats too.
        """
        ...

    async def heads(self, document_keys: Sequence[UUID]) -> Mapping[UUID, Sequence[Head]]:
        """All heads of each document, in no order; a document that has none is absent or empty."""
        ...

    async def passages_of(self, document_keys: Sequence[UUID], tenant: str) -> Sequence[PassageRef]:
        """Every passage of these documents in that tenant, listed or not, in no order."""
        ...

    def passages_written_before(self, written: datetime) -> AsyncIterator[PassageRef]:
        """Every passage of every tenant written before then (for those that no head ever listed)."""
        ...

    async def delete_passages(self, tenant: str, ids: Sequence[UUID]) -> None:
        """Deletes by id; what is gone already is no error."""
        ...

    async def delete_heads(self, positions: Mapping[UUID, Collection[Position]]) -> None:
        """Deletes those of each document, at the strongest consistency that there is."""
        ...


class Catalogue(Protocol):
    """What there is: every document of the index, one after the other, and whether its passages are there."""

    def document_keys(self, source: str | None = None, after: UUID | None = None) -> AsyncIterator[UUID]:
        """The keys of all documents that have a head, deletions too: ascending, each once, in bounded memory.

        The floor of a source is among them (see `streams.messages.floors`). Only those of `source`, where
        that is given; only those above `after`, to go on where an earlier iteration was left. A document
        that is written or deleted meanwhile may be named or not.
        """
        ...

    async def present(self, tenant: str, ids: Sequence[UUID]) -> Collection[UUID]:
        """Which of these passages exist; of a tenant that does not exist, none."""
        ...

    async def heads(self, document_keys: Sequence[UUID]) -> Mapping[UUID, Sequence[Head]]:
        """As `Maintenance.heads`."""
        ...


class Names(Protocol):
    """Documents by the tenant and id that people know them by; their keys are made of source and record."""

    async def named(self, tenant: str, document_ids: Sequence[str]) -> Collection[UUID]:
        """The keys of all documents that have a head of this tenant with one of these ids, current or not.

        Several sources may each hold a document of one id. Raises `Rejected` (`index_too_old`) where the
        index was made before it could tell.
        """
        ...


class Notes(Protocol):
    """What is remembered of an index beside its documents: a few short texts by name."""

    async def note(self, name: str) -> str | None:
        """The text under this name; None where there is none."""
        ...

    async def set_note(self, name: str, text: str) -> None:
        """Writes the text, in place of the one that was there."""
        ...
