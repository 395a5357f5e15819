"""Floors: all documents of a source that are below its floor are gone.

A truncation is held as a head of its own, of a key that no document has, and the highest of these heads is
the source's floor. So one write takes away any number of documents, and a truncation that comes late or
twice is stale as every change is.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from streams.messages.changes import floor_key
from streams.messages.held import Head
from streams.messages.position import Position

SWEPT = "swept"
"""In the row of a floor's head: when the documents below it all had a deletion of their own."""


class Log(NamedTuple):
    """The partition that a record stands in."""

    topic: str
    partition: int


def is_floor(head: Head) -> bool:
    """Whether the head is a source's floor and no document's."""
    return head.document_key == floor_key(head.source)


def is_swept(floor: Head) -> bool:
    """Whether every document below the floor has a deletion of its own by now."""
    return SWEPT in floor.row


def level(floor: Head, log: Log) -> Position:
    """The position up to which (inclusive) what stands in `log` is gone.

    Offsets count in the floor's own partition only. Seen from another one, all that has its very time,
    order and timestamp stays: which was first nobody can tell, and to show a document for too long is a
    lesser fault than to lose it.
    """
    return floor.position if _log(floor) == log else floor.position._replace(offset=0)


def below(head: Head, floor: Head) -> bool:
    """Whether the document that `head` is, is gone.

    As between two changes of a document: what has no time of its own has the floor's, so that the log
    decides, and a later record of one partition is later whatever its timestamp.
    """
    position = _lifted(head, floor)
    after = position[:2] == floor.position[:2] and head.offset > floor.offset and _log(head) == _log(floor)
    return position <= level(floor, _log(head)) and not after


def buried(head: Head, floor: Head, log: Log | None = None) -> Head:
    """The deletion that `floor` is to the document that `head`, which is below it, was.

    As seen from `log`; without one, from the document's own. It still lists the passages: a plan may keep
    them, or copy their vectors, for as long as they are there.
    """
    return replace(
        head,
        position=max(head.position, level(floor, log or _log(head))),
        deleted=True,
        topic=floor.topic,
        partition=floor.partition,
        offset=floor.offset,
        row={},
        timed=True,
    )


def standing(head: Head | None, floor: Head | None, log: Log) -> Head | None:
    """The document whose current head this is, as a change that stands in `log` finds it.

    That head, which, without a time of its own, has that of a floor that it is above; below the
    floor, that head `buried`; where it has none, the floor, as what is below it is gone whether it was seen
    or not; or None.
    """
    if floor is None:
        return head
    if head is None:
        return replace(floor, position=level(floor, log))
    return buried(head, floor, log) if below(head, floor) else replace(head, position=_lifted(head, floor))


def _lifted(head: Head, floor: Head) -> Position:
    """Where the head stands, whether it was written before the floor was known or after."""
    if head.timed:
        return head.position
    time, order = max(head.position[:2], floor.position[:2])
    return head.position._replace(time=time, order=order)


def _log(head: Head) -> Log:
    return Log(head.topic, head.partition)
