"""What became of a change, and what brings that about."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from streams.messages.changes import Change, Truncation
from streams.messages.position import Position
from streams.messages.receipts import Outcome, PassageCounts


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of a change.

    `position` is the document's now. `superseded`: there is something for the vacuum to do. Times in
    seconds.
    """

    outcome: Outcome
    reason: str | None
    tenant: str | None
    document_id: str | None
    position: Position | None
    passages: PassageCounts = field(default_factory=PassageCounts)
    superseded: bool = False
    embed_s: float = 0.0
    write_s: float = 0.0


class Applies(Protocol):
    """As `streams.indexing.indexer.Indexer`."""

    async def apply(self, change: Change | Truncation) -> Applied:
        """Brings the document to this change, or finds it there or beyond."""
        ...
