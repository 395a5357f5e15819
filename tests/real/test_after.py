"""Questions that demand a state of the index, on workers that change: they wait for it, and no longer."""

import asyncio
import json

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import NewPartitions
from aiokafka.structs import TopicPartition

from streams.kafka.connection import started
from streams.kafka.consume import tail
from streams.kafka.produce import Producer
from streams.kafka.topic_ids import topic_ids
from tests.asked import PATIENCE_S, Site, put
from tests.bench.stub import stub


@pytest.fixture(scope="module")
def site(kafka, tmp_path_factory):
    with stub(first_ms=1, token_ms=0, tokens=3) as url:
        site = Site(kafka, tmp_path_factory.mktemp("after"), url)
        asyncio.run(site.create())
        with site.worker() as one, site.worker() as other:
            one.ready()
            other.ready()
            yield site


@pytest.mark.timeout(240)
async def test_a_question_waits_for_its_change_on_whichever_worker_that_is(site):
    async with site.asking() as ask:
        for number in range(6):
            after = await ask.put(site.changes, f"doc-{number}", number % 2)
            end = await ask(after)
            assert (end.type, end.stale) == ("answer.completed", False)
            [mark] = [m for m in end.watermark if (m.topic, m.partition) == (site.changes, number % 2)]
            assert mark.offset >= after["offset"]


@pytest.mark.timeout(240)
async def test_what_no_source_has_is_not_waited_for(site):
    async with site.asking() as ask:
        for topic, partition in ((site.changes, 7), (site.questions, 0), ("nowhere", 0)):
            end = await ask({"topic": topic, "partition": partition, "offset": 0})
            assert (end.type, end.code, end.retryable) == ("answer.failed", "stale_index", False)
            end = await ask({"topic": topic, "partition": partition, "offset": 0}, allow_stale=True)
            assert (end.type, end.stale) == ("answer.completed", True)


@pytest.mark.timeout(240)
async def test_what_does_not_come_in_time_is_said_in_time_or_answered_without_it(site):
    async with site.asking() as ask:
        later = {"topic": site.changes, "partition": 0, "offset": 10**6}
        end = await ask(later, deadline_ms=2000)
        assert (end.type, end.code, end.retryable) == ("answer.failed", "stale_index", True)
        end = await ask(later, deadline_ms=4000, allow_stale=True)
        assert (end.type, end.stale) == ("answer.completed", True)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("outcome", ["committed", "aborted"])
async def test_the_marker_at_a_transactions_end_and_what_was_aborted_are_waited_for_no_longer(site, outcome):
    producer = AIOKafkaProducer(
        bootstrap_servers=site.connection.bootstrap_servers, transactional_id=f"{site.name}-{outcome}"
    )
    async with producer, site.asking() as ask:
        await producer.begin_transaction()
        value = json.dumps({"id": outcome, "text": f"What is {outcome} says alpha."}).encode()
        at = await producer.send_and_wait(site.changes, value, f"default/{outcome}".encode(), partition=1)
        await (producer.commit_transaction() if outcome == "committed" else producer.abort_transaction())
        for offset in (at.offset, at.offset + 1):
            end = await ask({"topic": site.changes, "partition": 1, "offset": offset})
            assert (end.type, end.stale) == ("answer.completed", False)


@pytest.mark.timeout(240)
async def test_a_question_that_waits_outlives_a_rebalance(site):
    async with (
        site.asking() as ask,
        AIOKafkaConsumer(bootstrap_servers=site.connection.bootstrap_servers) as consumer,
    ):
        partition = TopicPartition(site.changes, 0)
        end = (await consumer.end_offsets([partition]))[partition]
        waiting = asyncio.create_task(ask({"topic": site.changes, "partition": 0, "offset": end}))
        with site.worker() as third:
            await asyncio.to_thread(third.ready)
            assert not waiting.done()
            async with started(site.connection, Producer(site.connection, max_bytes=10**6)) as producer:
                assert (await put(producer, site.changes, "awaited"))["offset"] == end
            answer = await waiting
            assert (answer.type, answer.stale) == ("answer.completed", False)
            assert await asyncio.to_thread(third.stop) == 0


async def make_anew(site):
    """Deletes a source's topic, and makes it as soon as it is gone: workers may not see that it was."""
    async with site.admin() as admin:
        await admin.delete_topics([site.again])
        while site.again in await admin.list_topics():  # noqa: ASYNC110 - Kafka tells nobody
            await asyncio.sleep(0.05)
    await site.make(site.again)


@pytest.mark.timeout(240)
async def test_a_topic_that_is_made_anew_is_followed_from_its_start(site):
    async with site.asking() as ask:
        for number in range(20):
            last = await ask.put(site.again, f"old-{number}")
        assert (await ask(last)).type == "answer.completed"
        await make_anew(site)
        after = await ask.put(site.again, "new")
        assert after["offset"] == 0
        end = await ask(after)
        assert (end.type, end.stale) == ("answer.completed", False)
        [mark] = [m for m in end.watermark if (m.topic, m.partition) == (site.again, 0)]
        assert mark.offset == 0


@pytest.mark.timeout(240)
async def test_a_topic_that_is_made_anew_and_is_soon_longer_than_it_was_is_read_whole(site):
    async with site.asking() as ask, tail(site.connection, f"{site.name}.indexed") as receipts:
        for number in range(5):
            last = await ask.put(site.again, f"short-{number}")
        assert (await ask(last)).type == "answer.completed"
        await make_anew(site)
        left = {f"long-{number}" for number in range(25)}
        for name in sorted(left):
            await ask.put(site.again, name)
        async with asyncio.timeout(PATIENCE_S):
            while left:
                left.discard(json.loads((await anext(receipts)).value)["document_id"])


@pytest.mark.timeout(60)
async def test_a_topic_that_is_made_anew_has_another_id_and_one_that_is_not_there_has_none(site):
    async with site.admin() as admin:
        client = admin._client
        ids = [await topic_ids(client, client.get_random_node(), [site.again, "nowhere"])]
        await make_anew(site)
        ids.append(await topic_ids(client, client.get_random_node(), [site.again, "nowhere"]))
        assert "nowhere" not in await admin.list_topics()
    assert [set(each) for each in ids] == [{site.again}, {site.again}]
    assert ids[0] != ids[1]


@pytest.mark.timeout(240)
async def test_partitions_that_a_topic_gets_are_read(site):
    async with site.admin() as admin:
        await admin.create_partitions({site.again: NewPartitions(3)})
    async with site.asking() as ask:
        end = await ask(await ask.put(site.again, "added", partition=2))
        assert (end.type, end.stale) == ("answer.completed", False)
