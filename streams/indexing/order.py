"""Which of a change and the document that it finds is the later one: where the change stands. Pure."""

from __future__ import annotations

from streams.messages.changes import Change, Truncation
from streams.messages.early import crosses
from streams.messages.floors import Log, standing
from streams.messages.held import Head
from streams.messages.position import Position


def found(head: Head | None, floor: Head | None, change: Change) -> Head | None:
    """The document whose current head this is, as `change` finds it above or below its source's floor."""
    return standing(head, floor, Log(change.at.topic, change.at.partition))


def position_of(change: Change | Truncation, base: Head | None) -> Position:
    """Where `change` stands, given the document (or, of a truncation, the floor) that it finds.

    Without a time and an order of its own it has the document's. So has one of which the database's log says
    otherwise than when its statement began (`crosses`), whose order then decides. Between equal times and
    orders, a later record of the document's own partition counts as no earlier than the document's timestamp.
    """
    moment, timestamp = (change.time or 0, change.order or 0), max(change.timestamp, 0)
    if base is not None:
        if not change.timed:
            moment = max(moment, base.position[:2])
        elif crosses(change, base):
            moment = (base.position.time, moment[1])
        if moment == base.position[:2] and _follows(change, base):
            timestamp = max(timestamp, base.position.timestamp)
    return Position(*moment, timestamp, change.at.offset)


def stale(change: Change | Truncation, base: Head | None) -> bool:
    """Whether the document is at `change` or beyond it."""
    return base is not None and position_of(change, base) <= base.position


def repeats(change: Change, base: Head) -> bool:
    """Whether the document is at this very change already, not at another one of the same record."""
    at = change.at
    same_moment = not change.timed or position_of(change, base)[:2] == base.position[:2]
    return same_moment and (base.topic, base.partition, base.offset) == (at.topic, at.partition, at.offset)


def _follows(change: Change | Truncation, base: Head) -> bool:
    at = change.at
    return (base.topic, base.partition) == (at.topic, at.partition) and at.offset > base.offset
