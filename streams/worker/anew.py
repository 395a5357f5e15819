"""Topics that would be read anew, from records so old that the index may have forgotten later deletions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import Protocol

from streams.messages.records import Record
from streams.reconcile.reading import Log

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Committed = Callable[[Sequence[tuple[str, int]]], Awaitable[Mapping[tuple[str, int], int]]]
"""The offsets that the indexing group has committed, of those partitions that it has one for."""


class Holds(Protocol):
    """Of an index."""

    async def __call__(self, topic: str, /) -> bool:
        """Whether it holds documents of a topic."""
        ...


async def read_anew(
    topics: Sequence[str], log: Log, committed: Committed, holds: Holds, oldest: datetime
) -> Sequence[str]:
    """Those that the group has no offset in, so that it begins at their first records, older than `oldest`.

    Only those of which the index holds documents: what is read for the first time brings nothing back.
    """
    found = []
    for topic in topics:
        spans = {number: span for number, span in (await log.spans(topic)).items() if span[0] < span[1]}
        done = await committed([(topic, number) for number in spans])
        unread = {number: span for number, span in spans.items() if (topic, number) not in done}
        if unread and await holds(topic) and await _is_old(log, topic, unread, oldest):
            found.append(topic)
    return found


async def _is_old(log: Log, topic: str, spans: Mapping[int, tuple[int, int]], oldest: datetime) -> bool:
    for number, span in spans.items():
        async with aclosing(log.records(topic, {number: span})) as records:
            first = await anext(records, None)
        if first is not None and _written(first) < oldest:
            return True
    return False


def _written(record: Record) -> datetime:
    return EPOCH + timedelta(milliseconds=record.timestamp)
