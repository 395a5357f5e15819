"""How a document is held: immutable passages, immutable heads, the highest head is the document."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from pydantic import JsonValue

from streams.messages.changes import EVERYONE, name_uuid
from streams.messages.position import Position

Vector = Sequence[float]


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a document, as it is searched. Never changed once written.

    `born` is the position of the change that first wrote it, `written` the wall clock then (UTC).
    """

    id: uuid.UUID
    document_key: uuid.UUID
    tenant: str
    text: str
    title: str
    readers: tuple[str, ...]
    metadata: tuple[str, ...]
    born: Position
    written: datetime
    vector: Vector = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Listed:
    """A passage's entry in a head: which one, the hash of what was embedded, its characters [start, end).

    `gap` is the white space between the passage before and this one, None where it was not kept.
    """

    id: uuid.UUID
    content_hash: str
    start: int
    end: int
    gap: str | None = None


@dataclass(frozen=True, slots=True)
class Head:
    """A document at one position: all that is true of it but its passages' text.

    `tenant` and `document_id` are None only in a deletion of what was never seen. `timed`: the change had a
    time or an order of its own; else the position's are those of the document that it found.
    """

    document_key: uuid.UUID
    position: Position
    deleted: bool
    tenant: str | None
    document_id: str | None
    title: str | None
    url: str | None
    language: str | None
    readers: tuple[str, ...]
    metadata: tuple[str, ...]
    source: str
    record_key: str
    topic: str
    partition: int
    offset: int
    written: datetime
    passages: tuple[Listed, ...] = ()
    row: dict[str, JsonValue] = field(default_factory=dict)
    media_type: str = "text/plain"
    """How the text that the passages make together is read."""
    timed: bool = True

    @property
    def id(self) -> uuid.UUID:
        """One id for each (document key, position): the same change written twice is one head."""
        return head_id(self.document_key, self.position)

    def admits(self, principals: Sequence[str]) -> bool:
        """Whether somebody with these principals may read the document."""
        return EVERYONE in self.readers or not set(self.readers).isdisjoint(principals)


def head_id(document_key: uuid.UUID, position: Position) -> uuid.UUID:
    """The id of the head of a document at a position: `Head.id`."""
    return name_uuid("head", str(document_key), str(position))


def current(heads: Sequence[Head]) -> Head | None:
    """The document: the head with the highest position, or None where there is none."""
    return max(heads, key=lambda head: head.position, default=None)


def sharing(head: Head, other: Head) -> Head:
    """`head`, with what it has in common with another head of its document, held once by both.

    A document that is edited all the time has more than a hundred heads, which differ little.
    """
    passages = other.passages if other.passages == head.passages else head.passages
    row = {name: _same(value, other.row.get(name)) for name, value in head.row.items()}
    return replace(head, passages=passages, row=row)


def _same(value: JsonValue, other: JsonValue) -> JsonValue:
    """Of texts alone, as numbers may be equal and of two kinds."""
    return other if isinstance(value, str) and isinstance(other, str) and value == other else value


def content_hash(text: str) -> str:
    """The hash by which an embedding is known again: SHA-256 of the text, 64 hexadecimal digits."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def passage_id(
    *,
    document_key: uuid.UUID,
    tenant: str,
    text: str,
    title: str,
    readers: Sequence[str],
    metadata: Sequence[str],
    born: Position,
    occurrence: int,
) -> uuid.UUID:
    """A passage's id: a UUIDv5 of all that it is but its vector and when it was written.

    `occurrence` counts equal passages of one document, from 0.
    """
    return name_uuid(
        "passage",
        str(document_key),
        tenant,
        text,
        title,
        str(len(readers)),
        *readers,
        str(len(metadata)),
        *metadata,
        str(born),
        str(occurrence),
    )
