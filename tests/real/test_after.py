"""Questions that demand a state of the index, on workers that change: they wait for it, and no longer."""

import asyncio
import json
import uuid
from contextlib import asynccontextmanager, contextmanager

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.structs import TopicPartition

from streams.kafka import topics
from streams.kafka.connection import KafkaConnection, started
from streams.kafka.consume import tail
from streams.kafka.produce import Producer
from streams.kafka.replies import follow
from streams.messages.records import Outgoing
from streams.settings import load
from streams.worker.parts import connection, topic_plan
from tests.bench.stub import stub
from tests.bench.workers import Worker

SOURCES = """
[[sources]]
topic = "{0}.changes"
[[sources]]
topic = "{0}.again"
"""
OURS = ("CHANGES", "INDEXED", "DOCUMENTS_DEAD", "DOCUMENTS_RETRY", "QUESTIONS", "QUESTIONS_DEAD",
        "QUESTIONS_RETRY", "QUESTIONS_DONE", "ANSWERS")  # fmt: skip
PATIENCE_S = 60
"""What a test waits for an answer; a question that is to wait for nothing has ten times as much."""


class Site:
    """Two workers of both roles, and who writes to them."""

    def __init__(self, kafka, folder, url):
        self.name, self.folder = f"after-{uuid.uuid4().hex[:6]}", folder
        (folder / "sources.toml").write_text(SOURCES.format(self.name))
        self.environ = {
            "STREAMS_KAFKA_BOOTSTRAP_SERVERS": kafka,
            "STREAMS_STORE": "sqlite",
            "STREAMS_SQLITE_PATH": str(folder / "index.db"),
            "STREAMS_OLLAMA_URL": url,
            "STREAMS_EMBED_MODEL": "stub-embed",
            "STREAMS_EMBED_DIMENSION": "384",
            "STREAMS_GENERATE_MODEL": "stub",
            "STREAMS_FALLBACK_MODEL": "stub",
            "STREAMS_SIMILARITY_THRESHOLD": "0",
            "STREAMS_TOPIC_PARTITIONS": "2",
            "STREAMS_GROUP": self.name,
            "STREAMS_SOURCES": str(folder / "sources.toml"),
            **{f"STREAMS_TOPIC_{one}": f"{self.name}.{one.lower().replace('_', '.')}" for one in OURS},
        }
        self.connection = KafkaConnection(kafka)
        self.changes, self.again = f"{self.name}.changes", f"{self.name}.again"
        self.questions, self.answers = f"{self.name}.questions", f"{self.name}.answers"

    async def create(self):
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.environ.items():
                patch.setenv(name, value)
            settings = load(env_file=None)
            plan = topic_plan(settings)
        await topics.create(connection(settings), topics.wanted(plan))
        await self.make(self.again)

    async def make(self, topic):
        async with self.admin() as admin:
            await admin.create_topics([NewTopic(topic, 2, 1)])

    @asynccontextmanager
    async def admin(self):
        admin = AIOKafkaAdminClient(bootstrap_servers=self.connection.bootstrap_servers)
        await admin.start()
        try:
            yield admin
        finally:
            await admin.close()

    @contextmanager
    def worker(self):
        worker = Worker(self.folder, self.environ).start()
        try:
            yield worker
        finally:
            worker.kill()

    @asynccontextmanager
    async def asking(self):
        """Gives what asks a question, and returns its end once that is there."""
        async with (
            started(self.connection, Producer(self.connection, max_bytes=10**6)) as producer,
            tail(self.connection, self.answers) as records,
        ):

            async def ask(after, **fields):
                asked = {"text": "What is said of alpha?", "after": [after], "deadline_ms": 600_000} | fields
                at = await producer.send(Outgoing(self.questions, None, json.dumps(asked).encode()))
                async with asyncio.timeout(PATIENCE_S):
                    return [event async for event in follow(records, at)][-1]

            ask.put = lambda *args: put(producer, *args)
            yield ask


async def put(producer, topic, name, partition=0):
    """Writes a document; gives its place, as `after` takes it."""
    value = json.dumps({"id": name, "text": f"What there is to say of {name} is alpha."}).encode()
    at = await producer.send(Outgoing(topic, f"default/{name}".encode(), value, partition=partition))
    return {"topic": topic, "partition": at.partition, "offset": at.offset}


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


@pytest.mark.timeout(240)
async def test_a_topic_that_is_made_anew_is_followed_from_its_start(site):
    async with site.asking() as ask:
        for number in range(20):
            last = await ask.put(site.again, f"old-{number}")
        assert (await ask(last)).type == "answer.completed"
        async with site.admin() as admin:
            await admin.delete_topics([site.again])
            while site.again in await admin.list_topics():  # noqa: ASYNC110 - Kafka tells nobody
                await asyncio.sleep(0.05)
        await site.make(site.again)
        after = await ask.put(site.again, "new")
        assert after["offset"] == 0
        end = await ask(after)
        assert (end.type, end.stale) == ("answer.completed", False)
        [mark] = [m for m in end.watermark if (m.topic, m.partition) == (site.again, 0)]
        assert mark.offset == 0
