"""A record on its way through the pump, and the parts that it was taken apart into."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from streams.agents.pump.membership import Partition
from streams.agents.pump.window import Entry
from streams.agents.pump.work import Ended
from streams.errors import Rejected
from streams.messages.records import Record

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")


@dataclass(slots=True, eq=False)
class Slot(Generic[Item, Outcome]):
    """A record that was accepted, its place in its window, and how its parts ended so far."""

    record: Record
    entry: Entry
    epoch: int
    size: int
    """Bytes that are kept of it."""
    ended: list[Ended[Item, Outcome] | None] = field(default_factory=list)
    attempts: int = 0
    left: int = 0

    @property
    def partition(self) -> Partition:
        """The partition that it came from."""
        return Partition(self.record.topic, self.record.partition)

    @property
    def refused_in_part(self) -> Sequence[int]:
        """Which parts were refused, where not all were; nothing where they all were."""
        refused = [nr for nr, end in enumerate(self.ended) if end and isinstance(end.outcome, Rejected)]
        return refused if len(refused) < len(self.ended) else ()

    def settle(self, part: Part[Item, Outcome], outcome: Outcome | Rejected, attempts: int) -> bool:
        """Keeps how a part ended; True where it was the last one that was missing."""
        self.ended[part.index] = Ended(part.item, outcome)
        self.attempts = max(self.attempts, attempts)
        self.left -= 1
        return self.left == 0


@dataclass(slots=True, eq=False)
class Part(Generic[Item, Outcome]):
    """One item of a record; None where it has none, or was refused, so that only its end is left.

    `unread`: it stands for a whole record, which was not taken apart yet.
    """

    slot: Slot[Item, Outcome]
    index: int
    item: Item | None
    unread: bool = False
