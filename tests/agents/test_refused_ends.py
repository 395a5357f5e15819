"""Two workers to which a topic refuses the same end: the one put in its place first counts, for both."""

import random

import pytest

from streams.kafka.connection import KafkaConnection
from streams.kafka.done import DoneLog
from streams.kafka.progress import REFUSED, STATE, Finished, Started
from streams.messages.records import Offset, Outgoing
from tests.agents.test_answering_agent import Room, now


@pytest.fixture
async def room(embedded_broker):
    name = f"refused-{random.Random().randrange(10**9)}"
    async with Room(KafkaConnection(embedded_broker, embedded=True), name) as room:
        yield room


def end_of(room, value):
    return Outgoing(room.answers, b"q-7", value)


async def test_of_several_ends_the_first_counts_and_of_those_instead_of_a_refused_one_too(room):
    log, at = (
        DoneLog(room.connection, room.done, room.produce, now),
        Offset(topic=room.questions, partition=0, offset=0),
    )
    beside = Offset(topic=room.questions, partition=0, offset=1)
    assert await log.reread(at, 0) == await log.progress(at, 0)
    await log.start(at, 2)
    await log.start(at, 1)
    assert await log.reread(at, 0) == Started(2)
    await log.finish(beside, end_of(room, b"of another question"))
    for told, write in ((b"one", log.finish), (b"two", log.finish)):
        await write(at, end_of(room, told))
        assert await log.reread(at, 0) == Finished(end_of(room, b"one"))
    await log.start(at, 3)
    for told in (b"three", b"four"):
        await log.refused(at, end_of(room, told))
        assert await log.reread(at, 0) == Finished(end_of(room, b"three"), instead=True)
    await log.finish(at, end_of(room, b"five"))
    restarted = DoneLog(room.connection, room.done, room.produce, now)
    assert await restarted.progress(at, 0) == Finished(end_of(room, b"three"), instead=True)


async def test_the_end_that_another_worker_put_in_the_place_of_a_refused_one_first_is_sent(room):
    other, writes = DoneLog(room.connection, room.done, room.producer.produce, now), room.produce._produce
    theirs = end_of(room, b'{"by": "the other worker"}')

    async def second(outgoing):
        if dict(outgoing.headers).get(STATE) == REFUSED.encode():
            await other.refused(Offset(topic=room.questions, partition=0, offset=0), theirs)
        await writes(outgoing)

    room.produce._produce = second
    room.produce.refuses = lambda out: out.topic == room.reply and b'"type":"answer.completed"' in out.value
    async with room.worker() as bench:
        await room.ask(bench, "one", headers=[("reply-to", room.reply.encode())])
        await bench.committed(1, topic=room.questions)
    [sent] = await room.records(room.answers)
    assert sent.value == theirs.value
