"""Several changes of one document that wait in line become one."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise, takewhile

from streams.agents.work import Combined
from streams.messages.changes import Change


def supersede(waiting: Sequence[Change]) -> Combined:
    """Which of the changes of one document, in the order in which they came, stands for which others.

    Only those are combined whose positions can be told apart without knowing the document: all from one
    partition, with timestamps that don't go back, and either each with a time of its own, or none with
    any (each then counts as later than the one before it). A change that inherits its time must be applied
    after those that have one. So must a change, once there are such, that needs the row before it.
    """
    first = waiting[0]
    run = [first, *(after for _, after in takewhile(lambda two: _comparable(*two), pairwise(waiting)))]
    winner = max(range(len(run)), key=lambda index: (run[index].time or 0, run[index].order or 0, index))
    return Combined(len(run), winner)


def _comparable(before: Change, after: Change) -> bool:
    same_log = (before.at.topic, before.at.partition) == (after.at.topic, after.at.partition)
    if not same_log or after.timestamp < before.timestamp:
        return False
    if before.time is not None:
        return after.time is not None
    return before.order is None and after.time is None and after.order is None
