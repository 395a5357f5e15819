"""Several changes of one document that wait in line become one."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

from streams.agents.work import Combined
from streams.messages.changes import Change


def supersede(waiting: Sequence[Change]) -> Combined:
    """Which of the changes of one document, in the order in which they came, stands for which others.

    Only those are combined whose positions can be told apart without knowing the document: all from one
    partition, and either each with a time of its own, or none with any (each then counts as later than
    the one before it). A change that inherits its time among others that have one must be applied after
    them, one by one. So must a change, once there are such, that needs the row before it.
    """
    first = waiting[0]
    run = list(takewhile(lambda change: _comparable(first, change), waiting))
    winner = max(range(len(run)), key=lambda index: (run[index].time or 0, run[index].order or 0, index))
    return Combined(len(run), winner)


def _comparable(first: Change, change: Change) -> bool:
    same_log = (first.at.topic, first.at.partition) == (change.at.topic, change.at.partition)
    if first.time is not None:
        return same_log and change.time is not None
    return change is first or (same_log and not any(_stamped(one) for one in (first, change)))


def _stamped(change: Change) -> bool:
    return change.time is not None or change.order is not None
