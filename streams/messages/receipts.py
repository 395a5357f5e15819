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
    embedded: Annotated[int, Field(ge=0)] = 0
    reused: Annotated[int, Field(ge=0)] = 0
    removed: Annotated[int, Field(ge=0)] = 0


class IndexReceipt(Wire):
    """One for each record consumed; by distinct `source`, what came in is what these account for."""

    document_id: str | None
    tenant: str | None
    outcome: Outcome
    reason: str | None
    source: Offset
    position: str | None
    documents: Annotated[int, Field(ge=0)] = 1
    passages: PassageCounts = PassageCounts()
    embed_model: str | None
    changed_at: datetime | None
    indexed_at: datetime
