"""What a change topic carries: `DocumentChange` on the wire, `Change` in the house.

`DocumentChange` is the native format that users write. `Change` is what every source format decodes
to: one document of one source, written or gone, with what is known of when.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Annotated, Literal

from pydantic import Field, JsonValue, field_validator

from streams.messages.labels import (
    METADATA_BYTES,
    METADATA_VALUES,
    READER_CHARACTERS,
    READERS,
    metadata_excess,
    readers_excess,
)
from streams.messages.records import Offset, Wire

TENANT = r"^[A-Za-z0-9_-]{1,64}$"
DEFAULT_TENANT = "default"
EVERYONE = "*"
"""The reader that stands for everyone in the tenant."""

Tenant = Annotated[str, Field(pattern=TENANT)]
DocumentId = Annotated[str, Field(min_length=1, max_length=1024)]
Scalar = str | int | float | bool | None
Op = Literal["upsert", "delete"]
Reader = Annotated[str, Field(min_length=1, max_length=READER_CHARACTERS)]
Values = Annotated[list[str], Field(json_schema_extra={"maxItems": METADATA_VALUES})]
Value = Annotated[str, Field(json_schema_extra={"maxLength": METADATA_BYTES})] | int | float | bool | None


class DocumentChange(Wire):
    """One change of one document. Only `id` and, for an upsert, `text` are required."""

    id: DocumentId
    """The document's id within its tenant; the record's key is `TENANT/ID`."""
    op: Op = "upsert"
    """`upsert`: the document is as written here; `delete`: it is gone."""
    title: Annotated[str | None, Field(max_length=2000)] = None
    """Shown with citations, and searched."""
    text: str | None = None
    """The whole document; needed for an upsert. Base64 where `media_type` is `application/pdf`."""
    media_type: Annotated[str, Field(max_length=100)] = "text/plain"
    """`text/plain`, `text/markdown`, `text/html` or `application/pdf`."""
    url: Annotated[str | None, Field(max_length=4000)] = None
    """Where a reader finds the document; shown with citations."""
    language: Annotated[str | None, Field(max_length=35)] = None
    """BCP 47 tag."""
    tenant: Tenant | None = None
    """Whose document it is. Absent: the topic's, else the key's, else `default`."""
    readers: Annotated[list[Reader], Field(max_length=READERS, json_schema_extra={"minItems": 1})] | None = (
        None
    )
    """Who may find it: principals of a question. Absent or `["*"]`: everyone in the tenant. 64 KiB in all."""
    metadata: Annotated[
        dict[str, Value | Values],
        Field(max_length=100, json_schema_extra={"propertyNames": {"pattern": "^[^=]+$"}}),
    ] = {}
    """What questions can filter by. At most 1,000 values and 16 KiB in all, as `name=value` for each value of
    a list: each passage carries a copy."""
    changed_at: datetime | None = None
    """When the source changed it; changes are ordered by this first."""

    @field_validator("readers")
    @classmethod
    def _somebody_may_read(cls, readers: list[str] | None) -> list[str] | None:
        if readers == []:
            raise ValueError(
                '[] would hide the document from everyone; leave it out, or write ["*"], for everyone'
            )
        if readers and (excess := readers_excess(readers)):
            raise ValueError(excess)
        return readers

    @field_validator("metadata")
    @classmethod
    def _can_be_carried(cls, metadata: dict[str, Value | Values]) -> dict[str, Value | Values]:
        for name in metadata:
            if not name or "=" in name:
                raise ValueError(f"a name may not be empty or hold '=': {name[:50]!r}")
        if excess := metadata_excess(metadata_pairs(metadata)):
            raise ValueError(f"{excess}: give what questions filter by, and leave the rest out")
        return metadata


@dataclass(frozen=True, slots=True)
class Document:
    """A document's content as its source has it now.

    `readers` is sorted, `("*",)` for everyone; `metadata` is sorted `name=value` strings, one for each
    value of a list.
    """

    tenant: str
    id: str
    text: str
    title: str | None = None
    media_type: str = "text/plain"
    url: str | None = None
    language: str | None = None
    readers: tuple[str, ...] = (EVERYONE,)
    metadata: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Incomplete:
    """A document whose record leaves out columns that did not change (PostgreSQL's TOAST).

    `lacking` names them. `fill` gives the document, with those columns taken from the row as it was
    before; it raises `Rejected` (`unavailable_value`) where that row lacks them too.
    """

    lacking: tuple[str, ...]
    fill: Callable[[Mapping[str, JsonValue]], Change]


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one document, whatever format it came in.

    `document` is None for a deletion, `Incomplete` where it takes the row before to know it. `time`
    (nanoseconds) and `order` are the source's own, None where it gives none; `timestamp` (milliseconds) and
    `at` are Kafka's, and, for a dead letter sent back, those of its first delivery. `tenant` and
    `document_id` are what a change without a document, or with an incomplete one, names of itself, if
    anything. `early`: `time` is when the statement began, which may have been committed later. `row` holds
    the source's mapped columns, for later changes that leave some out. `inherited`:
    time and order are not its own, but those of the document that it was first applied to. `moved_from` is
    the record key that the row had before, `moved_to` the one that the row has instead of this: two changes
    of the same time and order.
    """

    source: str
    record_key: str
    at: Offset
    timestamp: int
    document: Document | Incomplete | None = None
    tenant: str | None = None
    document_id: str | None = None
    time: int | None = None
    early: bool = False
    order: int | None = None
    changed_at: datetime | None = None
    row: dict[str, JsonValue] = field(default_factory=dict)
    inherited: bool = False
    moved_from: str | None = None
    moved_to: str | None = None

    @property
    def timed(self) -> bool:
        """Whether it has a time or an order of its own."""
        return not self.inherited and (self.time is not None or self.order is not None)

    @property
    def key(self) -> uuid.UUID:
        """The document key, by which a document is held and by which its changes are ordered."""
        return document_key(self.source, self.record_key)


@dataclass(frozen=True, slots=True)
class Truncation:
    """All documents of a source are gone: those that are not changed after this.

    `time`, `order`, `timestamp` and `at` are as in a `Change`.
    """

    source: str
    at: Offset
    timestamp: int
    time: int | None = None
    order: int | None = None
    changed_at: datetime | None = None

    @property
    def timed(self) -> bool:
        """Whether it has a time or an order of its own."""
        return self.time is not None or self.order is not None

    @property
    def key(self) -> uuid.UUID:
        """The key by which the source's floor is held, and by which its truncations are ordered."""
        return floor_key(self.source)


@dataclass(frozen=True, slots=True)
class Ignored:
    """A record that says nothing about a document (a heartbeat, say); `reason` goes into its receipt."""

    reason: str


Said = Change | Truncation | Ignored
"""What a record says: of one document, of all of a source's, or of none."""


def metadata_pairs(metadata: Mapping[str, Scalar | Sequence[str]]) -> tuple[str, ...]:
    """Metadata, or filters on it, as it is held: sorted `name=value`, one for each value of a list.

    `true`, `false` and `null` as in JSON; a whole number is written without a fraction.
    """
    pairs = {
        f"{name}={_written(value)}"
        for name, values in metadata.items()
        for value in ([values] if isinstance(values, Scalar) else values)
    }
    return tuple(sorted(pairs))


def _written(value: Scalar) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return json.dumps(value)


NAMESPACE = uuid.UUID("6f6d3c1e-6d0b-5d0c-9a53-0f3d5e8a7b11")
"""The namespace of every UUIDv5 that rag-streams makes (RFC 9562, section 5.5)."""


def name_uuid(*parts: str) -> uuid.UUID:
    """The UUIDv5 of `parts`, each preceded by its length, so that no two lists of parts share a name."""
    return uuid.uuid5(NAMESPACE, "".join([f"{len(part)}:{part}" for part in parts]))


@lru_cache(maxsize=4096)
def document_key(source: str, record_key: str) -> uuid.UUID:
    """The key of the document that `source`'s record `record_key` describes."""
    return name_uuid("document", source, record_key)


@lru_cache(maxsize=4096)
def floor_key(source: str) -> uuid.UUID:
    """The key of `source`'s floor, which is no document's: see `streams.messages.floors`."""
    return name_uuid("floor", source)
