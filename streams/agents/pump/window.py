"""Ordered acknowledgement: what of a partition may be committed when records finish in any order."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import islice


@dataclass(slots=True, eq=False)
class Entry:
    """One record of a window: its offset, its timestamp (ms), and whether it is begun, and finished."""

    window: Window
    offset: int
    timestamp: int = 0
    begun: bool = False
    done: bool = False


class Window:
    """The records of one partition that were accepted and lie at or behind the first unfinished one.

    Only the finished prefix may be committed: an offset further on would lose what is unfinished before
    it, were the worker to die.
    """

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque()
        self.accepted: int | None = None
        """The offset that was accepted last."""
        self.passed = 0
        """All before this offset may be committed."""

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def first(self) -> int | None:
        """The offset of the first unfinished record; None where all are finished."""
        return self._entries[0].offset if self._entries else None

    @property
    def oldest(self) -> int | None:
        """The timestamp (ms) of the first unfinished record; None where all are finished."""
        return self._entries[0].timestamp if self._entries else None

    def follows(self, offset: int) -> bool:
        """Whether a record of this offset comes behind all that were accepted."""
        return self.accepted is None or offset > self.accepted

    def accept(self, offset: int, timestamp: int = 0) -> Entry:
        """Takes the next record. Offsets come in ascending order, with gaps (compaction, transactions)."""
        entry, self.accepted = Entry(self, offset, timestamp), offset
        self._entries.append(entry)
        return entry

    def finish(self, entry: Entry) -> int | None:
        """Marks it finished; gives the offset to commit (the next to be read), None where it is unchanged."""
        entry.done = True
        upto = None
        while self._entries and self._entries[0].done:
            upto = self.passed = self._entries.popleft().offset + 1
        return upto

    def in_front(self, keep: int, most: int) -> list[int]:
        """The first `most` offsets that must be finished before no more than `keep` records are left."""
        entries = islice(self._entries, max(0, len(self._entries) - keep))
        return list(islice((entry.offset for entry in entries if not entry.done), most))

    def holes(self) -> frozenset[Entry]:
        """The unfinished in front of one that is begun or finished, which can't be committed without them."""
        unfinished: list[Entry] = []
        in_front = 0
        for entry in self._entries:
            if entry.begun or entry.done:
                in_front = len(unfinished)
            if not entry.done:
                unfinished.append(entry)
        return frozenset(unfinished[:in_front])
