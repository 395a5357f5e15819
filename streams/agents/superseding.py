"""Several changes of one document that wait in line become one."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise, takewhile

from streams.agents.pump.work import Combined
from streams.messages.changes import Change, Incomplete


def supersede(waiting: Sequence[Change]) -> Combined:
    """Which of the changes of one document, in the order in which they came, stands for which others.

    Only those are combined whose positions can be told apart without knowing the document: all from one
    partition, with offsets and timestamps that don't go back, and either each with a time of its own, or
    none with any (each then counts as later than the one before it). A change that inherits its time must
    be applied after those that have one, and one that leaves columns out after those that may have them. So
    must a deletion whose row moved, which keeps the row for the new key: none stands for it, either; and one
    whose statement began before that of the one before it, as it may take that one's time, or the document's.
    """
    first = waiting[0]
    run = [first, *(after for _, after in takewhile(lambda two: _comparable(*two), pairwise(waiting)))]
    chosen, winner = Combined(), 0
    for index, one in enumerate(run):
        if _moment(one) >= _moment(run[winner]):
            winner = index
        if winner == 0 or not _takes_the_row(run[winner]):
            chosen = Combined(index + 1, winner)
    return chosen


def _takes_the_row(change: Change) -> bool:
    """Whether it needs the document as the change before it left it."""
    return isinstance(change.document, Incomplete) or change.moved_to is not None


def _both_rise(before: Change, after: Change) -> bool:
    """Whether no document can take one of the two for the later by its time, the other by its order."""
    return (
        before.early
        and after.early
        and bool(before.order) == bool(after.order)
        and all(was <= now for was, now in zip(_moment(before), _moment(after), strict=True))
    )


def _moment(change: Change) -> tuple[int, int]:
    return change.time or 0, change.order or 0


def _comparable(before: Change, after: Change) -> bool:
    same_log = (before.at.topic, before.at.partition) == (after.at.topic, after.at.partition)
    if before.moved_to is not None:
        return False
    if not same_log or after.at.offset < before.at.offset or after.timestamp < before.timestamp:
        return False
    if before.time is not None:
        return after.time is not None and (not (before.early or after.early) or _both_rise(before, after))
    return before.order is None and after.time is None and after.order is None
