"""A site of workers with topics of its own, on SQLite, and who writes documents and asks questions there."""

import asyncio
import json
import os
import uuid
from contextlib import asynccontextmanager, contextmanager
from unittest import mock

from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from streams.kafka import topics
from streams.kafka.connection import KafkaConnection, started
from streams.kafka.consume import tail
from streams.kafka.produce import Producer
from streams.kafka.replies import follow
from streams.messages.records import Outgoing
from streams.settings import load
from streams.wiring import connection, topic_plan
from tests.apart import apart
from tests.bench.workers import Worker

SOURCES = """
[[sources]]
topic = "{0}.changes"
[[sources]]
topic = "{0}.again"
"""
PATIENCE_S = 120
"""What a test waits for an answer; a question that is to wait for nothing has ten times as much."""


class Site:
    """`kafka` is for who writes and reads here; `more` are settings of the workers alone."""

    def __init__(self, kafka, folder, url, **more):
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
            "STREAMS_SOURCES": str(folder / "sources.toml"),
            **apart(self.name),
        }
        self.more = more
        self.connection = KafkaConnection(kafka)
        self.changes, self.again = f"{self.name}.changes", f"{self.name}.again"
        self.questions, self.answers = f"{self.name}.questions", f"{self.name}.answers"

    async def create(self):
        with mock.patch.dict(os.environ, self.environ):
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
    def worker(self, roles="index,answer"):
        worker = Worker(self.folder, self.environ | self.more, roles=roles).start()
        try:
            yield worker
        finally:
            worker.kill()

    @asynccontextmanager
    async def asking(self):
        """Gives what asks a question and returns its end, or all its `events`, once that is there."""
        async with (
            started(self.connection, Producer(self.connection, max_bytes=10**6)) as producer,
            tail(self.connection, self.answers) as records,
        ):

            async def events(after=None, **fields):
                asked = {"text": "What is said of alpha?", "deadline_ms": 600_000} | fields
                if after is not None:
                    asked["after"] = [after]
                at = await producer.send(Outgoing(self.questions, None, json.dumps(asked).encode()))
                async with asyncio.timeout(PATIENCE_S):
                    return [event async for event in follow(records, at)]

            async def ask(after=None, **fields):
                return (await events(after, **fields))[-1]

            ask.events = events
            ask.put = lambda *args, **fields: put(producer, *args, **fields)
            yield ask


async def put(producer, topic, name, partition=0, more="", tenant="default"):
    """Writes a document; gives its place, as `after` takes it."""
    value = json.dumps({"id": name, "text": f"What there is to say of {name} is alpha. {more}"}).encode()
    at = await producer.send(Outgoing(topic, f"{tenant}/{name}".encode(), value, partition=partition))
    return {"topic": topic, "partition": at.partition, "offset": at.offset}
