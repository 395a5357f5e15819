"""What became of each change record."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from streams.messages.records import Offset, Wire

Outcome = Literal["indexed", "unchanged", "deleted", "ignored", "dead"]


class PassageCounts(Wire):
    """Passages of the document now, and what it took to get there."""

    total: Annotated[int, Field(ge=0)] = 0
    """Passages that the document has now."""
    embedded: Annotated[int, Field(ge=0)] = 0
    """Of these, embedded for this change."""
    reused: Annotated[int, Field(ge=0)] = 0
    """Of these, kept, or written with a copied embedding."""
    removed: Annotated[int, Field(ge=0)] = 0
    """Passages that it no longer has."""


class IndexTimings(Wire):
    """Where a change's time went, in milliseconds. What is left went into reading and planning."""

    queued: Annotated[float, Field(ge=0)]
    """From the record's timestamp in Kafka until a worker began with it, by both their clocks."""
    embedded: Annotated[float, Field(ge=0)]
    """For the vectors: embedding what is new, reading those that are copied."""
    written: Annotated[float, Field(ge=0)]
    """For writing passages and head."""


class IndexReceipt(Wire):
    """One for each record consumed; by distinct `source`, what came in is what these account for."""

    document_id: str | None
    """Null where it is unknown, or where the record held several documents."""
    tenant: str | None
    """Null where `document_id` would be."""
    outcome: Outcome
    """Of a record with several documents, the worst: dead, indexed, deleted, unchanged, ignored."""
    reason: str | None
    """Why it was ignored, or a dead letter's code; else null."""
    source: Offset
    """The record that this is the receipt of."""
    position: str | None
    """The document's position now, as one sortable string."""
    documents: Annotated[int, Field(ge=0)] = 1
    """Documents that the record held."""
    passages: PassageCounts = PassageCounts()
    """What became of the passages."""
    embed_model: str | None
    """The embedding model of the index."""
    changed_at: datetime | None
    """When the source changed the document, where it said so."""
    indexed_at: datetime
    """When this outcome was reached."""
    timings: IndexTimings | None = None
    """Where the time went; null where nothing was applied, or where the record held several documents."""

    @property
    def identity(self) -> tuple[Offset, datetime]:
        """What no other receipt has: a record that is sent back gets one more, of the same `source`."""
        return self.source, self.indexed_at
