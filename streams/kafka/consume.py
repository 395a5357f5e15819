"""Reading topics without a group: from now on, from the start to the end, or one record."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition

from streams.errors import Misconfigured
from streams.kafka.admin import Admin
from streams.kafka.connection import KafkaConnection, faults, started
from streams.messages.records import Offset, Record

POLL_MS = 500
AT_ONCE = 500
"""Records that are taken from the client at a time."""


def record_of(message: Any) -> Record:
    """What aiokafka delivers, as our value: key, value and headers untouched."""
    return Record(
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
        timestamp=message.timestamp,
        key=message.key,
        value=message.value,
        headers=tuple(message.headers),
    )


async def partitions_of(connection: KafkaConnection, topic: str) -> Sequence[int]:
    """The partitions of a topic. Raises `Misconfigured` where it doesn't exist."""
    async with started(connection, Admin(connection)) as admin:
        count = (await admin.partitions()).get(topic)
    if not count:
        raise Misconfigured(
            f"the topic {topic} does not exist: make it with `rag-streams topics create`", setting=topic
        )
    return range(count)


@contextlib.asynccontextmanager
async def tail(
    connection: KafkaConnection, topic: str, *, beginning: bool = False
) -> AsyncIterator[AsyncIterator[Record]]:
    """The records of a topic that come after this is entered (or all there are, and those), as they come.

    What is produced inside is read for sure. Raises `Misconfigured` where the topic doesn't exist.
    """
    async with _reader(connection, topic, await partitions_of(connection, topic)) as consumer:
        with faults(connection):
            assigned = list(consumer.assignment())
            starts = await (
                consumer.beginning_offsets(assigned) if beginning else consumer.end_offsets(assigned)
            )
            for partition, offset in starts.items():
                consumer.seek(partition, offset)
        yield _endless(connection, consumer)


async def _endless(connection: KafkaConnection, consumer: AIOKafkaConsumer) -> AsyncIterator[Record]:
    while True:
        for record in await _batch(connection, consumer):
            yield record


async def stretch(
    connection: KafkaConnection,
    topic: str,
    *,
    partitions: Sequence[int] | None = None,
    since: int | None = None,
) -> AsyncGenerator[Record, None]:
    """The committed records of a topic that are there now, oldest first within each partition.

    `since`: only from the first one on that has this timestamp (milliseconds) or a later one. Who may
    leave early closes it (`contextlib.aclosing`), and the connection with it.
    """
    numbers = await partitions_of(connection, topic) if partitions is None else partitions
    async with _reader(connection, topic, numbers) as consumer:
        with faults(connection):
            ends = await _bounds(consumer, since)
        left = set(ends)
        while left:
            for record in await _batch(connection, consumer):
                if record.offset < ends[TopicPartition(record.topic, record.partition)]:
                    yield record
            # By position, not by record: a partition may end in markers, or in what compaction took.
            for partition in list(left):
                if await consumer.position(partition) >= ends[partition]:
                    consumer.pause(partition)
                    left.discard(partition)


async def _bounds(consumer: AIOKafkaConsumer, since: int | None) -> Mapping[TopicPartition, int]:
    """Seeks to the first record wanted, and gives the end of each partition that has any."""
    assigned = list(consumer.assignment())
    ends = await consumer.end_offsets(assigned)
    starts = await consumer.beginning_offsets(assigned)
    if since is not None:
        found = await consumer.offsets_for_times(dict.fromkeys(assigned, max(since, 0)))
        starts = {partition: held.offset if held else ends[partition] for partition, held in found.items()}
    for partition in assigned:
        consumer.seek(partition, starts[partition])
        if starts[partition] >= ends[partition]:
            consumer.pause(partition)
    return {partition: end for partition, end in ends.items() if starts[partition] < end}


async def fetch(connection: KafkaConnection, at: Offset) -> Record | None:
    """The record that stands there; None where there is none (any more)."""
    if at.partition not in await partitions_of(connection, at.topic):
        return None
    async with _reader(connection, at.topic, [at.partition]) as consumer:
        partition = TopicPartition(at.topic, at.partition)
        with faults(connection):
            ends = await consumer.end_offsets([partition])
            starts = await consumer.beginning_offsets([partition])
            if not starts[partition] <= at.offset < ends[partition]:
                return None
            consumer.seek(partition, at.offset)
        while await consumer.position(partition) <= at.offset:
            for record in await _batch(connection, consumer):
                return record if record.offset == at.offset else None
        return None


@contextlib.asynccontextmanager
async def _reader(
    connection: KafkaConnection, topic: str, partitions: Sequence[int]
) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(
        **connection.consumer_kwargs(), auto_offset_reset="earliest", fetch_max_wait_ms=POLL_MS
    )
    async with started(connection, consumer):
        consumer.assign([TopicPartition(topic, number) for number in partitions])
        yield consumer


async def _batch(connection: KafkaConnection, consumer: AIOKafkaConsumer) -> list[Record]:
    with faults(connection):
        batches = await consumer.getmany(timeout_ms=POLL_MS, max_records=AT_ONCE)
    return [record_of(message) for messages in batches.values() for message in messages]
