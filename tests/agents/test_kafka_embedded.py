"""The Kafka room on the embedded broker: the same, but for what that broker can't tell or do."""

import time
import uuid
from contextlib import aclosing

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition

from streams.kafka.admin import Admin
from streams.kafka.backwards import backwards
from streams.kafka.connection import KafkaConnection, started
from streams.kafka.consume import fetch, stretch
from streams.kafka.produce import Producer
from streams.kafka.replies import ReplyTopics
from streams.kafka.topics import TopicPlan, check, create, wanted
from streams.kafka.watermarks import CommittedOffsets
from streams.messages.records import Offset, Outgoing


@pytest.fixture
def connection(embedded_broker):
    return KafkaConnection(embedded_broker, embedded=True)


@pytest.fixture
def topic():
    return f"t-{uuid.uuid4().hex[:12]}"


async def make(connection, topic, partitions):
    async with started(connection, Admin(connection)) as admin:
        assert await admin.create(topic, partitions, 1, {})
        assert not await admin.create(topic, partitions, 1, {})


async def test_topics_are_made_and_what_cannot_be_told_is_said(connection, topic):
    changes, questions = f"{topic}.changes", f"{topic}.questions"
    plan = TopicPlan(sources=(changes,), changes=changes, questions=(questions,), partitions=2)
    specs = [spec for spec in wanted(plan) if spec.name.startswith(topic)]
    assert {report.state for report in await check(connection, specs)} == {"missing"}
    for state in ("created", "exists"):
        reports = await create(connection, specs)
        assert {report.state for report in reports} == {state}
        assert all(report.fits and "can't be told" in report.note for report in reports)


async def test_a_reply_topic_that_is_asked_for_is_not_made_by_asking(connection, topic):
    replies = ReplyTopics(connection, "t-*")
    try:
        assert not await replies.exists(topic)
        assert not await replies.exists(topic)
        await make(connection, topic, 1)
        await replies.check(topic)
    finally:
        await replies.close()


async def test_watermarks_are_those_of_the_named_partitions(connection, topic):
    await make(connection, topic, 3)
    watermarks = CommittedOffsets(connection, f"{topic}-index", [topic])
    try:
        assert await watermarks.applied() == ()
        async with started(
            connection, AIOKafkaConsumer(**connection.consumer_kwargs(), group_id=f"{topic}-index")
        ) as consumer:
            consumer.assign([TopicPartition(topic, 1)])
            await consumer.commit({TopicPartition(topic, 1): 4})
        at = Offset(topic=topic, partition=1, offset=3)
        assert await watermarks.applied() == (at,)
        assert await watermarks.wait_for([at], time.monotonic() + 5)
        later = Offset(topic=topic, partition=1, offset=4)
        assert not await watermarks.wait_for([later], time.monotonic() + 0.2)
    finally:
        await watermarks.close()


async def test_records_that_are_produced_side_by_side_are_all_read_to_the_end(connection, topic):
    await make(connection, topic, 2)
    async with started(connection, Producer(connection, max_bytes=10_000)) as producer:
        sent = [await producer.send(Outgoing(topic, b"k%d" % number, b"v")) for number in range(30)]
    async with aclosing(stretch(connection, topic)) as records:
        found = [record async for record in records]
    assert sorted(str(record.at) for record in found) == sorted(map(str, sent))
    assert (await fetch(connection, sent[7])).key == b"k7"


async def test_a_topic_read_backwards_is_read_no_further_than_said_where_nothing_is_found(connection, topic):
    await make(connection, topic, 1)
    producer, seen = Producer(connection, max_bytes=1_000_000), []
    try:
        for _ in range(9):
            await producer.send(Outgoing(topic, None, b"x"))
    finally:
        await producer.stop()

    def read(record):
        seen.append(record.offset)

    async for _ in backwards(connection, topic, read, step=2, most=4):
        pass
    assert sorted(seen) == [5, 6, 7, 8]
