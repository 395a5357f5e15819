"""The Kafka room against a real broker: topics, watermarks, the done log, dead letters, large records."""

import asyncio
import time
from contextlib import aclosing
from datetime import UTC, datetime

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions
from aiokafka.structs import TopicPartition

from streams.errors import Misconfigured, Rejected, Retryable
from streams.kafka.admin import Admin
from streams.kafka.connection import KafkaConnection, started
from streams.kafka.consume import fetch, stretch, tail
from streams.kafka.dead import place, read, replay, show
from streams.kafka.done import DoneLog
from streams.kafka.produce import Producer
from streams.kafka.progress import Finished, Started, Unseen
from streams.kafka.reach import Reach
from streams.kafka.topics import TopicPlan, check, create, wanted
from streams.kafka.watermarks import CommittedOffsets
from streams.messages.dead import dead_letter, original
from streams.messages.records import Offset, Outgoing, Record

MIB = 1024 * 1024
DIED = datetime(2026, 11, 22, tzinfo=UTC)


def now():
    return datetime.now(UTC)


@pytest.fixture
def connection(kafka):
    return KafkaConnection(kafka)


@pytest.fixture
async def producer(connection):
    async with started(connection, Producer(connection, max_bytes=8 * MIB, timeout_s=30)) as producer:
        yield producer


async def make(connection, topic, partitions=1, **config):
    async with started(connection, Admin(connection)) as admin:
        await admin.create(
            topic, partitions, 1, {name.replace("_", "."): value for name, value in config.items()}
        )
        while topic not in await admin.partitions():  # noqa: ASYNC110 - Kafka has no event for it
            await asyncio.sleep(0.05)


async def transaction(connection, topic, values, *, commit, partition=0):
    producer = AIOKafkaProducer(**connection.kwargs(), transactional_id=f"{topic}-{time.monotonic_ns()}")
    async with started(connection, producer):
        await producer.begin_transaction()
        for key, value, headers in values:
            await producer.send_and_wait(topic, value, key, partition, headers=list(headers))
        await (producer.commit_transaction() if commit else producer.abort_transaction())


async def everything(connection, topic, **options):
    async with aclosing(stretch(connection, topic, **options)) as records:
        return [record async for record in records]


# Topics


def plan_for(topic, **more):
    names = ("changes", "indexed", "documents_dead", "documents_retry", "questions_dead", "questions_retry",
             "questions_done", "answers")  # fmt: skip
    given = {name: f"{topic}.{name}" for name in names}
    return TopicPlan(**{
        **given, "sources": (given["changes"], f"{topic}.theirs"), "questions": (f"{topic}.questions",),
        "shadow": f"{topic}.shadow", "partitions": 3, "max_message_bytes": 2 * MIB, **more,
    })  # fmt: skip


async def test_topics_are_made_as_wanted_and_a_second_time_nothing_happens(connection, topic):
    specs = wanted(plan_for(topic))
    before = await check(connection, specs)
    assert {report.state for report in before} == {"missing"}
    made = await create(connection, specs)
    ours, theirs = (
        [r for r in made if not r.name.endswith("theirs")],
        [r for r in made if r.name.endswith("theirs")],
    )
    assert {report.state for report in ours} == {"created"}
    assert [(report.state, report.fits, report.awaited) for report in theirs] == [("missing", False, True)]
    assert not any(report.awaited for report in before if not report.name.endswith("theirs"))
    again = await create(connection, specs)
    assert {report.state for report in again if not report.name.endswith("theirs")} == {"exists"}
    assert not any(report.differences or report.note for report in again)


async def test_a_topic_that_exists_is_left_alone_and_says_where_it_differs(connection, topic):
    plan = plan_for(topic)
    await make(connection, plan.changes, 5, cleanup_policy="delete", max_message_bytes="1000")
    reports = {report.name: report for report in await create(connection, wanted(plan))}
    differing = {
        difference.what: (difference.wanted, difference.found)
        for difference in reports[plan.changes].differences
    }
    assert differing == {
        "partitions": ("3", "5"),
        "cleanup.policy": ("compact", "delete"),
        "delete.retention.ms": ("2592000000", "86400000"),
        "message.timestamp.type": ("LogAppendTime", "CreateTime"),
        "max.message.bytes": ("2097152", "1000"),
    }
    async with started(connection, Admin(connection)) as admin:
        assert (await admin.configs([plan.changes]))[plan.changes]["cleanup.policy"] == "delete"


async def test_the_done_log_is_made_as_large_as_the_largest_question_topic(connection, topic):
    plan = plan_for(topic)
    await make(connection, plan.questions[0], 7)
    reports = {report.name: report for report in await create(connection, wanted(plan))}
    assert reports[plan.questions_done].differences == ()
    async with started(connection, Admin(connection)) as admin:
        assert (await admin.partitions())[plan.questions_done] == 7


async def test_more_replicas_than_brokers_names_the_setting(connection, topic):
    with pytest.raises(Misconfigured, match="STREAMS_TOPIC_REPLICATION is 3"):
        await create(connection, wanted(plan_for(topic, replication=3)))


async def test_a_compacted_topic_refuses_a_record_without_a_key_and_a_topic_one_that_is_too_large(
    connection, topic, producer
):
    plan = plan_for(topic, max_message_bytes=MIB)
    await create(connection, wanted(plan))
    with pytest.raises(Rejected, match="STREAMS_TOPIC_MAX_MESSAGE_BYTES") as refused:
        await producer.send(Outgoing(plan.changes, b"acme/1", b"x" * (2 * MIB)))
    assert refused.value.code == "too_large"
    at = await producer.send(Outgoing(plan.changes, b"acme/1", b"x"))
    assert at == Offset(topic=plan.changes, partition=at.partition, offset=0)
    with pytest.raises(Retryable):
        await producer.send(Outgoing(plan.changes, None, b"x"))
    assert (await producer.send(Outgoing(plan.changes, b"acme/1", b"y"))).offset == 1


# Connection


async def test_nobody_there_is_said_with_the_address_and_its_setting(connection):
    nobody = KafkaConnection("127.0.0.1:1")
    with pytest.raises(Retryable, match=r"127\.0\.0\.1:1 .*STREAMS_KAFKA_BOOTSTRAP_SERVERS"):
        async with started(nobody, Admin(nobody)):
            pass
    with pytest.raises(Retryable, match=r"127\.0\.0\.1:1"):
        await Producer(nobody, max_bytes=MIB).send(Outgoing("t", None, b""))


async def test_a_wrong_password_is_a_persons_business(new_kafka, topic):
    module = "org.apache.kafka.common.security.plain.PlainLoginModule"
    jaas = f'{module} required user_me="right" username="me" password="right";'
    broker = new_kafka(**{
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:SASL_PLAINTEXT",
        "sasl.enabled.mechanisms": "PLAIN",
        "sasl.mechanism.inter.broker.protocol": "PLAIN",
        "listener.name.plaintext.plain.sasl.jaas.config": jaas,
    })  # fmt: skip
    right = KafkaConnection(broker.bootstrap, "SASL_PLAINTEXT", "PLAIN", "me", "right")
    async with started(right, Admin(right)) as admin:
        assert topic not in await admin.partitions()
    for wrong, setting in [
        (KafkaConnection(broker.bootstrap, "SASL_PLAINTEXT", "PLAIN", "me", "not-so"), "SASL_USERNAME"),
        (
            KafkaConnection(broker.bootstrap, "SASL_PLAINTEXT", "SCRAM-SHA-512", "me", "right"),
            "SASL_MECHANISM",
        ),
    ]:
        with pytest.raises(Misconfigured, match=setting) as refused:
            async with started(wrong, Admin(wrong)):
                pass
        assert "not-so" not in str(refused.value)


# Reading


async def test_a_stretch_ends_behind_markers_aborted_records_and_in_empty_partitions(
    connection, topic, producer
):
    await make(connection, topic, 3)
    await producer.send(Outgoing(topic, b"k", b"first", partition=0))
    await transaction(connection, topic, [(b"k", b"aborted", ())], commit=False)
    await transaction(connection, topic, [(b"k", b"committed", ())], commit=True)
    await transaction(connection, topic, [(b"k", b"only aborted", ())], commit=False, partition=1)
    records = await asyncio.wait_for(everything(connection, topic), 20)
    assert [(record.partition, record.value) for record in records] == [(0, b"first"), (0, b"committed")]


async def test_a_stretch_begins_at_the_first_record_of_a_time(connection, topic, producer):
    await make(connection, topic, message_timestamp_type="LogAppendTime")
    for value in (b"0", b"1", b"2"):
        await producer.send(Outgoing(topic, b"k", value))
        await asyncio.sleep(0.02)
    times = [record.timestamp for record in await everything(connection, topic)]
    assert [record.value for record in await everything(connection, topic, since=times[1])] == [b"1", b"2"]
    assert await everything(connection, topic, since=times[2] + 60_000) == []


async def test_a_tail_has_all_that_is_produced_after_it_began_and_nothing_before(connection, topic, producer):
    await make(connection, topic, 4)
    for number in range(8):
        await producer.send(Outgoing(topic, b"before-%d" % number, b"old"))
    async with tail(connection, topic) as records:
        for number in range(8):
            await producer.send(Outgoing(topic, b"after-%d" % number, b"new"))
        found = [await asyncio.wait_for(anext(records), 20) for _ in range(8)]
    assert {record.value for record in found} == {b"new"}
    assert len({record.key for record in found}) == 8


async def test_a_tail_has_what_is_in_partitions_that_the_topic_got_since_and_nothing_twice(
    connection, topic, kafka
):
    await make(connection, topic)
    async with tail(connection, topic, look_s=0.2) as records:
        async with started(connection, Producer(connection, max_bytes=MIB, timeout_s=30)) as producer:
            await producer.send(Outgoing(topic, b"k", b"before"))
        assert (await asyncio.wait_for(anext(records), 20)).value == b"before"
        admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
        await admin.start()
        await admin.create_partitions({topic: NewPartitions(3)})
        await admin.close()
        async with started(connection, Admin(connection)) as admin:
            while (await admin.partitions())[topic] < 3:  # noqa: ASYNC110 - Kafka has no event for it
                await asyncio.sleep(0.05)
        async with started(connection, Producer(connection, max_bytes=MIB, timeout_s=30)) as producer:
            for number in range(3):
                await producer.send(Outgoing(topic, b"k", b"after", partition=number))
        found = [await asyncio.wait_for(anext(records), 60) for _ in range(3)]
        assert {(record.partition, record.value) for record in found} == {(n, b"after") for n in range(3)}


async def test_one_record_is_fetched_by_its_place_and_an_aborted_one_is_none(connection, topic, producer):
    await make(connection, topic)
    first = await producer.send(Outgoing(topic, b"k", b"v", (("h", b"1"), ("h", None))))
    await transaction(connection, topic, [(b"k", b"aborted", ())], commit=False)
    assert (await fetch(connection, first)).headers == (("h", b"1"), ("h", None))
    for place_ in (Offset(topic=topic, partition=0, offset=1), Offset(topic=topic, partition=0, offset=99),
                   Offset(topic=topic, partition=9, offset=0)):  # fmt: skip
        assert await asyncio.wait_for(fetch(connection, place_), 20) is None


async def test_a_topic_that_does_not_exist_is_said_and_not_made(connection, topic):
    with pytest.raises(Misconfigured, match=f"{topic} does not exist"):
        await everything(connection, topic)
    async with started(connection, Admin(connection)) as admin:
        assert topic not in await admin.partitions()


# Watermarks


async def commit(connection, group, offsets):
    async with started(
        connection, AIOKafkaConsumer(**connection.consumer_kwargs(), group_id=group)
    ) as consumer:
        partitions = {TopicPartition(*partition): offset for partition, offset in offsets.items()}
        consumer.assign(list(partitions))
        await consumer.commit(partitions)


async def test_the_watermark_is_what_the_group_committed_and_nothing_where_it_did_not(
    connection, topic, producer
):
    await make(connection, topic, 3)
    watermarks = CommittedOffsets(connection, f"group-{topic}", [topic, f"{topic}-absent"])
    try:
        assert await watermarks.applied() == ()
        await commit(connection, f"group-{topic}", {(topic, 0): 5, (topic, 2): 1})
        assert await watermarks.applied() == (
            Offset(topic=topic, partition=0, offset=4), Offset(topic=topic, partition=2, offset=0)
        )  # fmt: skip
        await commit(connection, f"group-{topic}", {(topic, 0): 7})
        assert (await watermarks.applied(max_age_s=60))[0].offset == 4
        assert (await watermarks.applied())[0].offset == 6
    finally:
        await watermarks.close()


async def test_waiting_ends_when_the_offset_is_committed_or_the_deadline_has_come(connection, topic):
    await make(connection, topic, 2)
    watermarks = CommittedOffsets(connection, f"group-{topic}", [topic])
    after = [Offset(topic=topic, partition=1, offset=9)]
    try:
        assert not await watermarks.wait_for(after, time.monotonic() + 0.3)
        waiting = asyncio.create_task(watermarks.wait_for(after, time.monotonic() + 20))
        await commit(connection, f"group-{topic}", {(topic, 1): 9})
        await watermarks.applied()
        assert not waiting.done()
        await commit(connection, f"group-{topic}", {(topic, 1): 10})
        began = time.monotonic()
        assert await waiting
        assert time.monotonic() - began < 1
    finally:
        await watermarks.close()


async def test_waiting_for_what_is_on_no_source_ends_at_once(connection, topic):
    await make(connection, topic, 2)
    watermarks = CommittedOffsets(connection, f"group-{topic}", [topic])
    elsewhere = [
        Offset(topic=f"{topic}-else", partition=0, offset=0),
        Offset(topic=topic, partition=2, offset=0),
    ]
    try:
        for after in elsewhere:
            assert not await asyncio.wait_for(watermarks.wait_for([after], time.monotonic() + 60), 10)
        assert await watermarks.unreachable(elsewhere) == tuple(elsewhere)
    finally:
        await watermarks.close()


async def until(reach, fits):
    await reach.look()
    while not fits(reach.problem):
        await reach.look()
        await asyncio.sleep(0.05)


async def test_an_outage_is_waited_out_told_to_who_asks_and_said_once_each_way(kafka_broker, topic, caplog):
    connection = KafkaConnection(kafka_broker.bootstrap)
    await make(connection, topic)
    await commit(connection, "group", {(topic, 0): 3})
    watermarks, reach = CommittedOffsets(connection, "group", [topic]), Reach(connection, "group", limit_s=1)
    try:
        after = [Offset(topic=topic, partition=0, offset=2)]
        assert await watermarks.wait_for(after, time.monotonic() + 10)
        await until(reach, lambda problem: problem is None)
        kafka_broker.freeze()
        await until(reach, lambda problem: problem is not None and "within 1 s" in problem)
        kafka_broker.kill()
        await until(reach, lambda problem: problem is not None and "cannot be reached" in problem)
        assert not reach.up
        with pytest.raises(Retryable, match="STREAMS_KAFKA_BOOTSTRAP_SERVERS"):
            await watermarks.applied()
        waiting = asyncio.create_task(watermarks.wait_for(after, time.monotonic() + 60))
        await asyncio.to_thread(kafka_broker.start)
        assert await waiting
        await until(reach, lambda problem: problem is None)
    finally:
        await watermarks.close()
    said = [record.message for record in caplog.records if record.name == "streams.kafka.reach"]
    assert [line[:19] for line in said] == ["all waits for Kafka", "Kafka answers again"]


async def test_many_who_ask_at_once_are_one_request_and_one_who_leaves_takes_nobody_along(connection, topic):
    await make(connection, topic)
    await commit(connection, f"group-{topic}", {(topic, 0): 3})
    watermarks = CommittedOffsets(connection, f"group-{topic}", [topic])
    try:
        asking = [asyncio.create_task(watermarks.applied()) for _ in range(50)]
        await asyncio.sleep(0)
        asking[0].cancel()
        answers = await asyncio.gather(*asking, return_exceptions=True)
        assert isinstance(answers[0], asyncio.CancelledError)
        assert all(answer is answers[1] for answer in answers[1:])
    finally:
        await watermarks.close()


# The done log


@pytest.fixture
async def done(connection, topic, producer):
    await make(
        connection,
        f"{topic}.done",
        4,
        cleanup_policy="compact,delete",
        message_timestamp_type="LogAppendTime",
    )
    return lambda: DoneLog(connection, f"{topic}.done", producer.produce, now)


def question(offset, partition=0):
    return Offset(topic="some-questions", partition=partition, offset=offset)


def stamp():
    return int(time.time() * 1000)


TERMINAL = Outgoing(
    "replies.me",
    b"q-7",
    b'{"type": "answer.failed"}',
    (("schema-version", b"1"), ("correlation-id", b"\xff")),
)


async def test_what_one_worker_did_is_known_to_the_next_and_sent_byte_for_byte(done):
    first = done()
    assert await first.progress(question(1), stamp()) == Unseen()
    await first.start(question(1), 1)
    await first.start(question(2), 1)
    await first.start(question(2), 2)
    await first.finish(question(1), TERMINAL)
    assert await first.progress(question(1), stamp()) == Finished(TERMINAL)
    second = done()
    assert await second.progress(question(1), stamp()) == Finished(TERMINAL)
    assert await second.progress(question(2), stamp()) == Started(2)
    assert await second.progress(question(3), stamp()) == Unseen()
    other_topic = Offset(topic="questions", partition=0, offset=1)
    assert await second.progress(other_topic, stamp()) == Unseen()
    assert await second.progress(question(1, partition=1), stamp()) == Unseen()


async def test_what_another_worker_did_in_between_is_known_after_an_assignment(done):
    first, second = done(), done()
    assert await first.progress(question(1), stamp()) == Unseen()
    await second.finish(question(1), TERMINAL)
    assert await first.progress(question(1), stamp()) == Unseen()
    first.forget()
    assert await first.progress(question(1), stamp()) == Finished(TERMINAL)


async def test_an_end_that_was_decided_stays_whatever_a_lost_worker_still_writes(done):
    worker, lost = done(), done()
    await worker.finish(question(1), TERMINAL)
    await lost.start(question(1), 1)
    assert await done().progress(question(1), stamp()) == Finished(TERMINAL)


async def test_an_earlier_question_that_comes_later_is_found_too(done):
    writer, reader = done(), done()
    await writer.finish(question(3), TERMINAL)
    assert await reader.progress(question(5), stamp()) == Unseen()
    assert await reader.progress(question(3), stamp()) == Finished(TERMINAL)


async def test_the_log_is_read_across_transactions_and_ends_behind_their_markers(connection, topic, done):
    key = str(question(4)).encode()
    started_headers = (("done-state", b"started"), ("done-attempt", b"8"))
    await done().start(question(4), 1)
    await transaction(connection, f"{topic}.done", [(key, b"", started_headers)], commit=False)
    assert await asyncio.wait_for(done().progress(question(4), stamp()), 20) == Started(1)
    await transaction(connection, f"{topic}.done", [(key, b"", started_headers)], commit=True)
    assert await asyncio.wait_for(done().progress(question(4), stamp()), 20) == Started(8)


async def test_what_compaction_left_is_enough(connection, topic, producer):
    log = f"{topic}.done"
    at_once = {"segment.ms": "100", "min.cleanable.dirty.ratio": "0.001", "max.compaction.lag.ms": "100"}
    await make(
        connection, log, **{"cleanup.policy": "compact", "message.timestamp.type": "LogAppendTime"}, **at_once
    )
    writer = DoneLog(connection, log, producer.produce, now)
    before = stamp()
    for offset in range(3):
        for attempt in (1, 2, 3):
            await writer.start(question(offset), attempt)
        if offset != 1:
            await writer.finish(question(offset), TERMINAL)
    async with asyncio.timeout(60):
        while len(await everything(connection, log)) > 6:
            await asyncio.sleep(0.5)
            await writer.start(question(99), 1)
    reader = DoneLog(connection, log, producer.produce, now)
    found = [await reader.progress(question(offset), before) for offset in range(3)]
    assert found == [Finished(TERMINAL), Started(3), Finished(TERMINAL)]


async def test_a_log_with_too_few_partitions_or_none_stops_the_worker(connection, topic, done, producer):
    with pytest.raises(Misconfigured, match="needs more than 4 partitions"):
        await done().progress(question(0, partition=4), stamp())
    with pytest.raises(Misconfigured, match="does not exist"):
        await DoneLog(connection, f"{topic}.none", producer.produce, now).progress(question(0), stamp())


# Dead letters


async def test_dead_letters_make_the_round_trip_whatever_their_key_and_value_are(connection, topic, producer):
    await make(connection, f"{topic}.dead")
    await make(connection, f"{topic}.retry")
    kept = [(None, None), (b"k", None), (None, b"v"), (b"", b""), (b"\xff", b"\x00" * 1000)]
    for offset, (key, value) in enumerate(kept):
        record = Record(
            "source", 1, offset, 1000 + offset, key, value, (("h", b"1"), ("h", b"2"), ("n", None))
        )
        code = "unmapped" if offset % 2 else "key_missing"
        letter = dead_letter(
            record, Rejected("why", code=code), attempts=2, at=DIED, topic=f"{topic}.dead", max_bytes=MIB
        )
        await producer.send(letter)
    async with aclosing(read(connection, f"{topic}.dead")) as letters:
        found = [letter async for letter in letters]
    assert [letter.source for letter in found] == [f"source-1-{offset}" for offset in range(5)]
    assert [letter.code for letter in found] == ["key_missing", "unmapped"] * 2 + ["key_missing"]

    places = [place(str(letter.at), f"{topic}.dead") for letter in found]
    async with aclosing(
        replay(connection, places, send=producer.send, retry_topic=f"{topic}.retry")
    ) as replayed:
        sent = [one.sent async for one in replayed]
    back = [original(await fetch(connection, at)) for at in sent]
    assert [(record.key, record.value) for record in back] == kept
    assert {record.headers for record in back} == {(("h", b"1"), ("h", b"2"), ("n", None))}
    assert [record.at for record in back] == [Offset(topic="source", partition=1, offset=n) for n in range(5)]


async def test_letters_are_chosen_by_code_and_counted(connection, topic, producer):
    await make(connection, topic, 2)
    for offset in range(6):
        record = Record("source", 0, offset, 0, b"%d" % offset, b"v", ())
        error = Rejected("why", code="a" if offset < 4 else "b")
        await producer.send(dead_letter(record, error, attempts=1, at=DIED, topic=topic, max_bytes=MIB))
    for options, count in [({}, 6), ({"code": "a"}, 4), ({"limit": 3}, 3), ({"code": "b", "limit": 9}, 2)]:
        async with aclosing(read(connection, topic, **options)) as letters:
            assert len([letter async for letter in letters]) == count


async def test_a_pointer_is_shown_and_not_sent_back(connection, topic, producer):
    await make(connection, topic)
    record = Record("source", 0, 7, 0, b"k", b"v" * 5000, ())
    error = Rejected("too large", code="too_large")
    at = await producer.send(dead_letter(record, error, attempts=1, at=DIED, topic=topic, max_bytes=1000))
    letter = await show(connection, at)
    assert letter.truncated
    assert letter.source == "source-0-7"
    async with aclosing(replay(connection, [at], send=producer.send, retry_topic=topic)) as replayed:
        results = [one async for one in replayed]
    assert [(one.sent, one.refused.code) for one in results] == [(None, "truncated")]
    nowhere = [Offset(topic=topic, partition=0, offset=99)]
    async with aclosing(replay(connection, nowhere, send=producer.send, retry_topic=topic)) as replayed:
        with pytest.raises(Rejected, match="dead list"):
            await anext(replayed)


# Large records, and an outage


async def test_a_document_of_20_mb_is_refused_before_it_travels_and_one_that_just_fits_arrives(
    connection, topic
):
    await make(connection, topic, max_message_bytes=str(8 * MIB))
    async with started(connection, Producer(connection, max_bytes=8 * MIB)) as producer:
        with pytest.raises(Rejected, match=r"8388608 .*STREAMS_TOPIC_MAX_MESSAGE_BYTES") as refused:
            await producer.send(Outgoing(topic, b"k", b"x" * 20_000_000))
        assert refused.value.code == "too_large"
        at = await producer.send(Outgoing(topic, b"k", b"x" * (8 * MIB - 200)))
    assert len((await fetch(connection, at)).value) == 8 * MIB - 200


async def test_a_producer_goes_on_after_an_outage_and_gives_up_by_its_limit(kafka_broker, topic):
    connection = KafkaConnection(kafka_broker.bootstrap)
    await make(connection, topic)
    patient, hasty = Producer(connection, max_bytes=MIB), Producer(connection, max_bytes=MIB, timeout_s=1)
    async with started(connection, patient), started(connection, hasty):
        await patient.send(Outgoing(topic, b"k", b"0"))
        kafka_broker.kill()
        with pytest.raises(Retryable, match="within 1 s"):
            await hasty.send(Outgoing(topic, b"k", b"given up"))
        sending = asyncio.create_task(patient.send(Outgoing(topic, b"k", b"1")))
        await asyncio.to_thread(kafka_broker.start)
        assert (await asyncio.wait_for(sending, 60)).topic == topic
    values = [record.value for record in await everything(connection, topic)]
    assert values[0] == b"0"
    assert values.count(b"1") == 1
