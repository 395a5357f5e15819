"""Which heads are known not to be their document's current one, so that they need not be read again. Pure."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from streams.messages.held import head_id
from streams.messages.position import Position
from streams.ports import Monotonic

FEW = 4
"""Heads of a document up to which all of them are read: most have one, and two after an edit."""
ROOM = 100_000
"""Heads that are known at a time, of all documents; some 25 MB."""
AT_ONCE = 1000
"""Of one document: those seen last."""
KEPT_S = 600.0
"""By then the vacuum has taken them; where it has not, they are read again, once."""


@dataclass(slots=True)
class _Known:
    """Of one document: the highest position that was seen, and which heads below it, each with when."""

    best: str = ""
    below: dict[UUID, float] = field(default_factory=dict)


class Superseded:
    """Remembers them by document, for those that have many: they are edited all the time, and may be large.

    What it says is a saving, never an answer: what is left out of a read stands below `best`, so a read
    that gives a head at `best` or above has found the current one, and any other read counts for nothing.
    """

    def __init__(self, monotonic: Monotonic) -> None:
        self._monotonic = monotonic
        self._documents: OrderedDict[UUID, _Known] = OrderedDict()
        self._room = ROOM

    def best(self, keys: Iterable[UUID]) -> Mapping[UUID, str]:
        """Of those of the documents of which any head is known, the highest position seen."""
        return {key: self._documents[key].best for key in keys if key in self._documents}

    def ids(self, keys: Iterable[UUID]) -> Sequence[UUID]:
        """The heads of these documents that need not be read."""
        return [id_ for key in keys if key in self._documents for id_ in self._documents[key].below]

    def learn(self, key: UUID, positions: Sequence[str]) -> None:
        """Has seen a document's heads at these positions, all but those that it knew."""
        known = self._documents.pop(key, None)
        if known is None and len(positions) <= FEW:
            return
        known, now = known or _Known(), self._monotonic()
        self._room += len(known.below)
        seen = {*positions, known.best} - {""}
        known.best = max(seen)
        known.below |= {head_id(key, Position.parse(one)): now for one in sorted(seen - {known.best})}
        known.below = dict([one for one in known.below.items() if now - one[1] < KEPT_S][-AT_ONCE:])
        if known.below:
            self._room -= len(known.below)
            self._documents[key] = known
        while self._room < 0:
            self._room += len(self._documents.popitem(last=False)[1].below)

    def forget(self, key: UUID) -> None:
        """Nothing is known of that document any more."""
        if known := self._documents.pop(key, None):
            self._room += len(known.below)
