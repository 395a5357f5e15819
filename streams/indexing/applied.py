"""What became of a change."""

from __future__ import annotations

from dataclasses import dataclass, field

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
