"""The work on one change: what was found, cut, embedded and written for it so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from pydantic import JsonValue

from streams.indexing.cutting.chunk import Chunk, Chunking
from streams.indexing.embedding import InHand
from streams.indexing.plan import filled
from streams.messages.changes import Change
from streams.messages.held import Head


@dataclass(slots=True)
class Work:
    """What one `apply` has done so far, so that planning again does none of it again.

    `change` is `said`, with what its record left out taken from the document that it finds, or from the row
    that was `left` under another key.
    """

    said: Change
    change: Change
    chunking: Chunking
    hand: InHand
    left: Mapping[str, JsonValue] | None = None
    written: set[UUID] = field(default_factory=set)
    chunks: Sequence[Chunk] | None = None
    embed_s: float = 0.0
    write_s: float = 0.0

    def find(self, base: Head | None) -> None:
        """Completes the change from `base`; what was cut of another text does not count any more."""
        change = filled(self.said, base, self.left)
        if change.document != self.change.document:
            self.chunks = None
        self.change = change

    def halve(self) -> bool:
        """Goes on with chunks half as long; whether that is any shorter."""
        whole, self.chunking, self.chunks = self.chunking, self.chunking.halved(), None
        return self.chunking != whole
