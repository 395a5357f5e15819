"""A topic read from its end: the newest records first, stretch by stretch."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import TypeVar

from streams.kafka.connection import KafkaConnection
from streams.kafka.consume import spans, stretch
from streams.messages.records import Record

T = TypeVar("T")

STEP = 2000
"""Offsets of a partition that are read at a time."""


async def backwards(
    connection: KafkaConnection,
    topic: str,
    read: Callable[[Record], T | None],
    *,
    partitions: Sequence[int] | None = None,
    step: int = STEP,
    most: int | None = None,
) -> AsyncGenerator[T, None]:
    """What `read` makes of the records that are there now, but for None: newest first in each stretch.

    Nothing where the topic does not exist. `most`: after so many offsets no other stretch is
    begun. Who may leave early closes it.
    """
    found = await spans(connection, topic)
    left = {one: span for one, span in found.items() if partitions is None or one in partitions}
    looked_at = 0
    while left := {one: (start, end) for one, (start, end) in left.items() if start < end}:
        within = {one: (max(start, end - step), end) for one, (start, end) in left.items()}
        async with aclosing(stretch(connection, topic, partitions=sorted(within), within=within)) as records:
            kept = [
                (record.timestamp, record.offset, made)
                async for record in records
                if (made := read(record)) is not None
            ]
        for _, _, made in sorted(kept, key=lambda one: one[:2], reverse=True):
            yield made
        looked_at += sum(end - start for start, end in within.values())
        if most is not None and looked_at >= most:
            return
        left = {one: (start, within[one][0]) for one, (start, _) in left.items()}
