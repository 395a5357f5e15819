"""A record on its way through the pump, and the parts that it was taken apart into."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, TypeVar

from streams.agents.membership import Partition
from streams.agents.window import Entry
from streams.errors import Rejected
from streams.messages.records import Record

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")


@dataclass(slots=True, eq=False)
class Slot(Generic[Outcome]):
    """A record that was accepted, its place in its window, and what became of its parts so far."""

    record: Record
    entry: Entry
    epoch: int
    size: int
    outcomes: list[Outcome | Rejected | None] = field(default_factory=list)
    attempts: int = 0
    left: int = 0

    @property
    def partition(self) -> Partition:
        """The partition that it came from."""
        return Partition(self.record.topic, self.record.partition)

    def settle(self, index: int, outcome: Outcome | Rejected, attempts: int) -> bool:
        """Keeps a part's outcome; True where it was the last one that was missing."""
        self.outcomes[index] = outcome
        self.attempts = max(self.attempts, attempts)
        self.left -= 1
        return self.left == 0


@dataclass(slots=True, eq=False)
class Part(Generic[Item, Outcome]):
    """One item of a record; None where it has none, or was refused, so that only its end is left."""

    slot: Slot[Outcome]
    index: int
    item: Item | None
