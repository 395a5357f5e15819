"""Reading topics without a group: from now on, from the start to the end, or one record."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition

from streams.errors import Misconfigured, StreamsError
from streams.kafka.admin import Admin
from streams.kafka.connection import KafkaConnection, faults, started
from streams.messages.records import Offset, Record

POLL_MS = 500
STALL_S = 10.0
"""After so long without a record that is known to be there, Kafka is asked whether it still is."""
LOOK_S = 60.0
"""How often who reads without end looks whether the topic has got more partitions."""
LOOK_LIMIT_S = 5.0
"""How long Kafka may take to say so."""
AT_ONCE = 500
"""Records that are taken from the client at a time."""
NEAR = 1000
"""Offsets that are rather read over than sought past."""


Starts = Mapping[TopicPartition, int]
"""An offset in each of some partitions."""

Spans = Mapping[int, tuple[int, int]]
"""In each partition of a topic, the first offset and the one after the last."""


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
    connection: KafkaConnection, topic: str, *, beginning: bool = False, look_s: float = LOOK_S
) -> AsyncIterator[AsyncIterator[Record]]:
    """The records of a topic that come after this is entered (or all there are, and those), as they come.

    What is produced inside is read for sure, in partitions that are added, too, within `look_s`.
    Raises `Misconfigured` where the topic doesn't exist.
    """
    partitions = _named(topic, await partitions_of(connection, topic))
    async with _reader(connection) as consumer:
        with faults(connection):
            starts = await (
                consumer.beginning_offsets(partitions) if beginning else consumer.end_offsets(partitions)
            )
            _begin(consumer, starts)
        yield _endless(connection, consumer, topic, look_s)


async def _endless(
    connection: KafkaConnection, consumer: AIOKafkaConsumer, topic: str, look_s: float
) -> AsyncIterator[Record]:
    looked = time.monotonic()
    while True:
        if time.monotonic() - looked > look_s:
            await _widen(connection, consumer, topic)
            looked = time.monotonic()
        for record in await _batch(connection, consumer):
            yield record


async def _widen(connection: KafkaConnection, consumer: AIOKafkaConsumer, topic: str) -> None:
    """Has partitions that were added read, too, from their beginning: all that is in them came since."""
    known = consumer.assignment()
    # Kafka may be away: what reads on says so, or waits for it, and it is looked again.
    with contextlib.suppress(StreamsError, TimeoutError):
        async with asyncio.timeout(LOOK_LIMIT_S):
            added = set(_named(topic, await partitions_of(connection, topic))) - known
            if added:
                kept = {partition: await consumer.position(partition) for partition in known}
                _begin(consumer, kept | dict.fromkeys(added, 0))


async def stretch(
    connection: KafkaConnection,
    topic: str,
    *,
    partitions: Sequence[int] | None = None,
    since: int | None = None,
    within: Spans | None = None,
) -> AsyncGenerator[Record, None]:
    """The committed records of a topic that are there now, oldest first within each partition.

    `since`: only from the first one on that has this timestamp (milliseconds) or a later one. `within`:
    only those, as `spans` gave them before. Who may leave early closes it (`contextlib.aclosing`), and the
    connection with it.
    """
    if within is not None and all(begin >= end for begin, end in within.values()):
        # A consumer that is stopped as soon as it is started raises CancelledError.
        return
    numbers = await partitions_of(connection, topic) if partitions is None else partitions
    async with _reader(connection) as consumer:
        with faults(connection):
            starts, ends = await _bounds(consumer, _named(topic, numbers), since, within)
            _begin(consumer, starts)
        left, expected = set(starts), _Expected(connection, consumer)
        while left:
            for record in await expected.batch():
                if record.offset < ends[TopicPartition(record.topic, record.partition)]:
                    yield record
            # By position, not by record: a partition may end in markers, or in what compaction took.
            for partition in list(left):
                if await consumer.position(partition) >= ends[partition]:
                    consumer.pause(partition)
                    left.discard(partition)


async def spans(connection: KafkaConnection, topic: str) -> Spans:
    """What there is to read of a topic now; nothing where it doesn't exist."""
    async with started(connection, Admin(connection)) as admin:
        count = (await admin.partitions()).get(topic, 0)
    partitions = _named(topic, range(count))
    if not partitions:
        return {}
    async with _reader(connection) as consumer:
        with faults(connection):
            starts = await consumer.beginning_offsets(partitions)
            ends = await consumer.end_offsets(partitions)
    return {one.partition: (starts[one], ends[one]) for one in partitions}


async def _bounds(
    consumer: AIOKafkaConsumer,
    partitions: Sequence[TopicPartition],
    since: int | None,
    within: Spans | None = None,
) -> tuple[Starts, Starts]:
    """Where the records wanted begin and end, in each partition that has any."""
    if within is not None:
        named = [one for one in partitions if one.partition in within]
        ends = {one: within[one.partition][1] for one in named}
        return {one: within[one.partition][0] for one in named if within[one.partition][0] < ends[one]}, ends
    ends = await consumer.end_offsets(partitions)
    if since is None:
        starts = await consumer.beginning_offsets(partitions)
    else:
        found = await consumer.offsets_for_times(dict.fromkeys(partitions, max(since, 0)))
        starts = {partition: held.offset for partition, held in found.items() if held is not None}
    return {partition: start for partition, start in starts.items() if start < ends[partition]}, ends


async def fetch(connection: KafkaConnection, at: Offset) -> Record | None:
    """The record that stands there; None where there is none (any more)."""
    if at.partition not in await partitions_of(connection, at.topic):
        return None
    partition = TopicPartition(at.topic, at.partition)
    async with _reader(connection) as consumer:
        with faults(connection):
            starts, ends = await _bounds(consumer, [partition], None)
            if partition not in starts or not starts[partition] <= at.offset < ends[partition]:
                return None
            _begin(consumer, {partition: at.offset})
        expected = _Expected(connection, consumer)
        while await consumer.position(partition) <= at.offset:
            for record in await expected.batch():
                return record if record.offset == at.offset else None
        return None


async def pick(
    connection: KafkaConnection, topic: str, places: Mapping[int, Sequence[int]]
) -> AsyncGenerator[Record, None]:
    """The records at these offsets of each partition, ascending; those that are gone are left out.

    What lies between two of them is read over where it is little, and passed over where it is much.
    """
    async with _reader(connection) as consumer:
        for number, offsets in places.items():
            partition = TopicPartition(topic, number)
            with faults(connection):
                starts, ends = await _bounds(consumer, [partition], None)
            there = [at for at in offsets if starts.get(partition, ends[partition]) <= at < ends[partition]]
            async for record in _picked(connection, consumer, partition, there):
                yield record
            # Nothing is to be fetched of it while the next one's bounds are asked for.
            consumer.unsubscribe()


async def _picked(
    connection: KafkaConnection,
    consumer: AIOKafkaConsumer,
    partition: TopicPartition,
    offsets: Sequence[int],
) -> AsyncIterator[Record]:
    wanted, expected = deque(offsets), _Expected(connection, consumer)
    if wanted:
        _begin(consumer, {partition: wanted[0]})
    while wanted:
        if wanted[0] > await consumer.position(partition) + NEAR:
            consumer.seek(partition, wanted[0])
        for record in await expected.batch():
            if wanted and record.offset == wanted[0]:
                yield record
            while wanted and wanted[0] <= record.offset:
                wanted.popleft()
        following = await consumer.position(partition)
        # By position, not by record: there may be none after what compaction took.
        while wanted and wanted[0] < following:
            wanted.popleft()


def _named(topic: str, partitions: Sequence[int]) -> list[TopicPartition]:
    return [TopicPartition(topic, number) for number in partitions]


def _begin(consumer: AIOKafkaConsumer, starts: Starts) -> None:
    """To be called once all is asked: what waits for records on a connection holds up all behind it."""
    consumer.assign(list(starts))
    for partition, offset in starts.items():
        consumer.seek(partition, offset)


@contextlib.asynccontextmanager
async def _reader(connection: KafkaConnection) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(
        **connection.consumer_kwargs(), auto_offset_reset="earliest", fetch_max_wait_ms=POLL_MS
    )
    async with started(connection, consumer):
        yield consumer


class _Expected:
    """Records that are there, as they come; aiokafka would wait for ever for a Kafka that is gone."""

    def __init__(self, connection: KafkaConnection, consumer: AIOKafkaConsumer) -> None:
        self._connection, self._consumer = connection, consumer
        self._since = time.monotonic()

    async def batch(self) -> list[Record]:
        """What has come. Raises `Retryable` where nothing does, as Kafka is away."""
        records = await _batch(self._connection, self._consumer)
        if not records and time.monotonic() - self._since > STALL_S:
            with faults(self._connection):
                await self._consumer.end_offsets(list(self._consumer.assignment()))
        if records or time.monotonic() - self._since > STALL_S:
            self._since = time.monotonic()
        return records


async def _batch(connection: KafkaConnection, consumer: AIOKafkaConsumer) -> list[Record]:
    with faults(connection):
        batches = await consumer.getmany(timeout_ms=POLL_MS, max_records=AT_ONCE)
    return [record_of(message) for messages in batches.values() for message in messages]
