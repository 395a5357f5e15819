"""What a suspended coroutine will act upon: where it stands, and what its variables hold.

Two processes with the same memory, in the same store, go on alike; that is what makes a walk through all
schedules finite. Times count by how long ago they were, and only as far as a limit tells them apart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Coroutine
from datetime import datetime
from typing import Any
from uuid import UUID

from streams.indexing.embedding import InHand
from streams.indexing.plan import Draft, Plan
from streams.indexing.vacuum.turn import Turn
from streams.indexing.vacuum.vacuum import Vacuum, _Case
from streams.indexing.work import Work
from streams.messages.held import Head, Passage
from streams.messages.position import Position
from streams.ports import PassageRef

NEVER_ACTED_UPON = frozenset(
    {"self", "started", "store", "documents", "change", "change_", "said", "truncation", "now"}
    | {"indexer", "burial", "document", "written", "blame", "came", "portions"}
)


class Ages:
    """How old a time is at `now`, as far as it matters."""

    def __init__(self, lease_s: float, grace_s: float, trusted_s: float) -> None:
        self.now, self._lease_s, self._grace_s, self._trusted_s = 0.0, lease_s, grace_s, trusted_s
        self._stamps: dict[tuple[Position, datetime], int] = {}

    def wrote(self, head: Head) -> None:
        """From now on the head's stamp is told from that of another at its position."""
        of_position = sum(position == head.position for position, _written in self._stamps)
        self._stamps.setdefault((head.position, head.written), of_position)

    def lease(self, since: float) -> float:
        return min(self.now - since, self._lease_s + 1)

    def grace(self, since: float) -> float:
        return min(self.now - since, self._grace_s)

    def left(self, until: float) -> float:
        return self.lease(until - self._lease_s)

    def stamp(self, position: Position, written: datetime) -> object:
        trusted = self.now - written.timestamp() >= self._trusted_s
        return (trusted, self._stamps.get((position, written)))


def memory(coroutine: Coroutine[Any, Any, Any] | None, ages: Ages) -> object:
    """Where `coroutine` stands, and all that it knows."""
    frames = []
    while coroutine is not None and getattr(coroutine, "cr_frame", None) is not None:
        frame = coroutine.cr_frame
        known = [
            (name, ages.lease(value) if name == "leased" else _told(value, ages))
            for name, value in frame.f_locals.items()
            if name not in NEVER_ACTED_UPON
        ]
        frames.append((frame.f_code.co_name, frame.f_lasti, tuple(known)))
        coroutine = coroutine.cr_await
    return tuple(frames)


def listing(head: Head) -> tuple[int, ...]:
    return tuple(entry.id.int for entry in head.passages)


def head_at(head: Head, ages: Ages) -> object:
    of = (head.document_key.int, head.deleted)
    return (*of, tuple(head.position), ages.stamp(head.position, head.written), listing(head))


def _told(value: object, ages: Ages) -> object:
    tell = TOLD.get(type(value))
    return value if tell is None else tell(value, ages)


def _plan(plan: Plan, ages: Ages) -> object:
    lists = plan.head and (tuple(plan.head.position), listing(plan.head))
    return (plan.base and head_at(plan.base, ages), lists, _all(plan.drafts, ages))


def _vacuum(vacuum: Vacuum, ages: Ages) -> object:
    return tuple(
        (tuple(mark.position), ages.stamp(mark.position, mark.written), mark.passages, ages.grace(since))
        for mark, since in vacuum._grace._seen.values()
    )


def _all(many, ages: Ages) -> object:
    return tuple(_told(one, ages) for one in many)


def _id(one, _ages: Ages) -> int:
    return one.id.int


TOLD = {
    Head: head_at,
    Passage: _id,
    PassageRef: _id,
    Draft: _id,
    UUID: lambda one, _ages: one.int,
    Plan: _plan,
    Vacuum: _vacuum,
    Work: lambda work, _ages: (frozenset(work.hand.vectors), frozenset(work.written)),
    InHand: lambda hand, _ages: frozenset(hand.vectors),
    Turn: lambda turn, ages: (turn.over, ages.left(turn._until)),
    _Case: lambda case, ages: (
        _all([*case.heads, case.base, *case.floors], ages),
        case.forgotten,
        case.waiting,
    ),
    list: _all,
    tuple: _all,
    set: lambda many, ages: frozenset(_told(one, ages) for one in many),
    dict: lambda many, ages: _all([part for item in many.items() for part in item], ages),
    Counter: lambda many, ages: _all([part for item in sorted(many.items()) for part in item], ages),
}
