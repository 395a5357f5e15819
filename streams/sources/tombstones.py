"""Tombstones that follow their deletion: both are of the same time.

A tombstone alone says nothing of when, so it has the time of the document that it finds. Sent again by a
connector, it would find a document that has been written since, and take that away. So a tombstone right
behind a deletion of its row has that one's time, whatever has become of the document.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from streams.messages.changes import Change, Said
from streams.messages.records import Offset

SENT_BACK = 1000
"""How many deletions are remembered that were read before, and come in between: dead letters sent back."""


class _Deletion(NamedTuple):
    """What a tombstone right behind it takes from it."""

    at: Offset
    record_key: str
    time: int | None
    early: bool
    order: int | None
    changed_at: datetime | None
    moved_to: str | None


class Tombstones:
    """Remembers the last deletion of each partition. For one reader of a log, and of what is sent back."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, int], _Deletion] = {}
        self._earlier: OrderedDict[Offset, _Deletion] = OrderedDict()

    def dated(self, said: tuple[Said, ...]) -> tuple[Said, ...]:
        """What a record says, with a time if it is a tombstone whose deletion stands right before it."""
        if len(said) != 1 or not isinstance(one := said[0], Change) or one.document is not None:
            return said
        if one.time is None and one.order is None and (deletion := self._right_before(one)) is not None:
            one = replace(
                one,
                time=deletion.time,
                early=deletion.early,
                order=deletion.order,
                changed_at=deletion.changed_at,
                moved_to=deletion.moved_to,
            )
        self._remember(_deletion(one))
        return (one,)

    def _right_before(self, one: Change) -> _Deletion | None:
        if one.at.offset == 0:
            return None
        at = Offset(topic=one.at.topic, partition=one.at.partition, offset=one.at.offset - 1)
        last = self._last.get((at.topic, at.partition))
        deletion = last if last is not None and last.at == at else self._earlier.get(at)
        return deletion if deletion is not None and deletion.record_key == one.record_key else None

    def _remember(self, deletion: _Deletion) -> None:
        where = (deletion.at.topic, deletion.at.partition)
        last = self._last.get(where)
        if last is None or deletion.at.offset >= last.at.offset:
            self._last[where] = deletion
            return
        # It was read before: sent back, or delivered again.
        self._earlier[deletion.at] = deletion
        self._earlier.move_to_end(deletion.at)
        if len(self._earlier) > SENT_BACK:
            self._earlier.popitem(last=False)


def _deletion(one: Change) -> _Deletion:
    return _Deletion(one.at, one.record_key, one.time, one.early, one.order, one.changed_at, one.moved_to)
