"""What the topics say of one document."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from streams.reconcile.standing import Standing, below, under


@dataclass(frozen=True, slots=True)
class Spoken:
    """What is known of a document from the topics: what counts, and the latest dead letter, if any."""

    key: UUID
    wanted: Standing | None
    dead: Standing | None

    def under(self, floor: Standing | None) -> Spoken:
        """As its source's floor leaves it: below that it is deleted, and no dead letter counts."""
        if floor is None:
            return self
        sunk = self.dead is not None and below(self.dead, floor)
        wanted = under(self.wanted or (self.dead if sunk else None), floor)
        return Spoken(self.key, wanted, None if sunk else self.dead)

    @property
    def said(self) -> Standing:
        """The one that there is, rather the one that counts."""
        said = self.wanted or self.dead
        assert said is not None  # noqa: S101 - a row has at least one
        return said
