"""Of which topic an offset is: what is committed with it, and what follows where there is another one."""

import asyncio
from types import SimpleNamespace

import pytest
from aiokafka.errors import KafkaConnectionError, UnknownTopicOrPartitionError
from aiokafka.structs import OffsetAndMetadata, TopicPartition

from streams.agents.origins import MARK, Origins
from streams.kafka.topic_ids import NONE
from tests.unit.answering.virtual import run

OLD, NEW = b"o" * 16, b"n" * 16
NO_ID = b""
HERE, THERE = TopicPartition("here", 0), TopicPartition("there", 0)


def mark(number):
    return MARK + number.hex()


class Consumer:
    """aiokafka's, as far as it is asked: it has two partitions, of topics with these ids.

    `NONE` is the id of a topic that is not there, `NO_ID` that of one that has none.
    """

    def __init__(self, **committed):
        self.ids, self.assigned = {"here": OLD, "there": OLD}, {HERE, THERE}
        self.offsets = {
            tp: OffsetAndMetadata(20, committed[tp.topic]) for tp in (HERE, THERE) if tp.topic in committed
        }
        self.reset, self.rejoins, self.unreachable = [], 0, 0
        self._coordinator = self._client = self._fetcher = self
        self.coordinator_id = 1

    def assignment(self):
        return self.assigned

    async def ensure_coordinator_known(self):
        pass

    async def send(self, _node, request, *, group=None):
        if self.ids is None:
            raise NotImplementedError
        if self.unreachable:
            self.unreachable -= 1
            raise KafkaConnectionError
        told = [
            (UnknownTopicOrPartitionError.errno if number == NONE else 0, name, number or NONE)
            for name, number in self.ids.items()
            if name in request._topics
        ]
        return SimpleNamespace(topics=told)

    async def seek_to_committed(self):
        return {tp: self.offsets[tp].offset if tp in self.offsets else None for tp in (HERE, THERE)}

    async def fetch_committed_offsets(self, partitions):
        return {tp: self.offsets[tp] for tp in partitions if tp in self.offsets}

    def request_offset_reset(self, partitions, _strategy):
        self.reset += partitions

    def request_rejoin(self):
        self.rejoins += 1

    async def commit(self, offsets):
        self.offsets.update(offsets)


def begun(consumer):
    """What each partition begins at, as it is told, once it is assigned."""
    return run(Origins(consumer).seek_to_committed())


def test_what_was_committed_of_the_topic_that_is_there_is_where_it_goes_on():
    consumer = Consumer(here=mark(OLD))
    assert begun(consumer) == {HERE: 20, THERE: None}
    assert consumer.reset == []


def test_a_topic_that_was_made_again_since_is_read_from_its_beginning():
    consumer = Consumer(here=mark(NEW), there=mark(OLD))
    assert begun(consumer) == {THERE: 20}
    assert consumer.reset == [HERE]


@pytest.mark.parametrize("said", ["", "by somebody else"])
def test_an_offset_of_which_nobody_said_whose_it_is_is_believed(said):
    consumer = Consumer(here=said)
    assert begun(consumer) == {HERE: 20, THERE: None}
    assert consumer.reset == []


def test_a_topic_that_is_not_there_now_is_left_as_it_is():
    consumer = Consumer(here=mark(OLD))
    consumer.ids["here"] = NONE
    assert begun(consumer) == {HERE: 20, THERE: None}
    assert consumer.reset == []


def test_a_broker_that_tells_no_ids_costs_nothing_but_them():
    async def lives():
        consumer = Consumer(here=mark(NEW))
        consumer.ids = None
        origins = Origins(consumer)
        began = await origins.seek_to_committed()
        await consumer.commit({HERE: OffsetAndMetadata(21, "")})
        return began, consumer.offsets[HERE], consumer.reset

    assert run(lives()) == ({HERE: 20, THERE: None}, OffsetAndMetadata(21, ""), [])


def test_kafka_is_asked_for_ids_until_it_tells_them():
    consumer = Consumer(here=mark(NEW))
    consumer.unreachable = 3
    assert begun(consumer) == {THERE: None}


def watched(consumer, *then):
    """How often the group was joined anew, after each of `then`, the first of which began the partitions."""

    async def watch():
        origins, rejoins = Origins(consumer), []
        watching = asyncio.create_task(origins.watch())
        for one in then:
            await one(origins)
            await asyncio.sleep(10)
            rejoins.append(consumer.rejoins)
        watching.cancel()
        return rejoins

    return run(watch())


async def begin(origins):
    await origins.seek_to_committed()


def test_the_group_is_joined_anew_once_for_each_time_that_a_topic_is_made_again():
    consumer = Consumer()

    async def make_again(_origins):
        consumer.ids["here"] = NEW

    assert watched(consumer, begin, make_again, begin) == [0, 1, 1]


def test_what_is_read_before_that_is_committed_as_of_the_topic_that_was():
    consumer = Consumer()

    async def make_again(_origins):
        consumer.ids["here"] = NEW
        await consumer.commit({HERE: OffsetAndMetadata(30, ""), THERE: OffsetAndMetadata(3, "")})

    assert watched(consumer, begin, make_again, begin) == [0, 1, 1]
    assert consumer.reset == [HERE]
    assert consumer.offsets[THERE] == OffsetAndMetadata(3, mark(OLD))


def test_a_topic_that_was_not_there_when_it_was_begun_is_begun_anew_once_it_is():
    consumer = Consumer()
    consumer.ids["here"] = NONE

    async def make(_origins):
        await consumer.commit({HERE: OffsetAndMetadata(30, "")})
        consumer.ids["here"] = NEW

    assert watched(consumer, begin, make, begin) == [0, 1, 1]
    assert consumer.reset == [HERE]


@pytest.mark.parametrize(("said", "rejoins"), [(mark(OLD), 0), ("", 1)])
def test_a_topic_that_was_only_not_told_when_it_was_begun_is_not_read_again(said, rejoins):
    consumer = Consumer(here=said)
    consumer.ids["here"] = NONE

    async def told(_origins):
        await consumer.commit({HERE: OffsetAndMetadata(30, "")})
        assert consumer.offsets[HERE].metadata == said
        consumer.ids["here"] = OLD

    assert watched(consumer, begin, told, begin) == [0, rejoins, rejoins]
    assert consumer.reset == []


def test_a_topic_that_was_made_again_just_when_it_was_begun_is_read_from_its_beginning():
    consumer = Consumer(here=mark(OLD))
    consumer.ids["here"] = NONE

    async def make_again(_origins):
        await consumer.commit({HERE: OffsetAndMetadata(30, "")})
        consumer.ids["here"] = NEW

    assert watched(consumer, begin, make_again, begin) == [0, 1, 1]
    assert consumer.reset == [HERE]


def test_a_topic_that_is_gone_and_a_kafka_that_does_not_answer_are_no_reason_to_join_anew():
    consumer = Consumer()

    async def gone(_origins):
        consumer.ids["here"] = NONE
        consumer.unreachable = 3

    assert watched(consumer, begin, gone) == [0, 0]


def test_a_topic_that_has_no_id_yet_is_not_read_again_once_it_has_one():
    consumer = Consumer()
    consumer.ids["here"] = NO_ID

    async def upgraded(_origins):
        await consumer.commit({HERE: OffsetAndMetadata(30, "")})
        assert consumer.offsets[HERE].metadata == ""
        consumer.ids["here"] = OLD

    async def commit(_origins):
        await consumer.commit({HERE: OffsetAndMetadata(31, "")})

    watched(consumer, begin, upgraded, begin, commit)
    assert consumer.reset == []
    assert consumer.offsets[HERE] == OffsetAndMetadata(31, mark(OLD))


def test_a_partition_that_is_read_before_kafka_told_its_topics_id_is_committed_without_one():
    consumer = Consumer()
    consumer.assigned = {HERE}

    async def assigned(_origins):
        consumer.assigned = {HERE, THERE}
        await consumer.commit({THERE: OffsetAndMetadata(500, "")})

    watched(consumer, begin, assigned, begin)
    assert consumer.offsets[THERE] == OffsetAndMetadata(500, "")
    assert consumer.reset == []


def test_partitions_that_are_assigned_while_kafka_is_asked_are_asked_for_too():
    consumer = Consumer(there=mark(NEW))
    consumer.assigned, consumer.unreachable = {HERE}, 3

    async def run_both():
        origins = Origins(consumer)
        seeking = asyncio.create_task(origins.seek_to_committed())
        await asyncio.sleep(0.05)
        consumer.assigned = {HERE, THERE}
        return await seeking

    assert run(run_both()) == {HERE: None}
    assert consumer.reset == [THERE]
