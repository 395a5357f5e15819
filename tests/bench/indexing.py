"""Runs of the indexing bench: topics and groups of their own, and what is produced and received on them."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

import weaviate
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from ops.servers.launch import Kafka, Weaviate
from streams import settings as configuration
from streams.kafka import topics
from streams.kafka.admin import Admin
from streams.kafka.connection import KafkaConnection, started
from streams.settings import Settings
from streams.settings.names import BESIDES
from streams.wiring import connection, topic_plan
from tests.apart import apart, weaviate_settings
from tests.bench.corpus import Page


class Bench:
    """One Kafka, one Weaviate, and run after run on them."""

    def __init__(self, folder: Path, kafka: Kafka, server: Weaviate) -> None:
        self.folder, self.kafka, self.weaviate = folder, kafka, server

    def empty(self) -> None:
        """Drops all that Weaviate holds."""
        with weaviate.connect_to_local(
            port=self.weaviate.http_port, grpc_port=self.weaviate.grpc_port
        ) as client:
            client.collections.delete_all()

    def environ(self, url: str, model: str = "stub-embed") -> dict[str, str]:
        """A run's settings: its own topics and groups, Weaviate emptied."""
        run = uuid.uuid4().hex[:6]
        self.empty()
        return {
            "STREAMS_KAFKA_BOOTSTRAP_SERVERS": self.kafka.bootstrap,
            **weaviate_settings(self.weaviate),
            "STREAMS_OLLAMA_URL": url,
            "STREAMS_EMBED_MODEL": model,
            "STREAMS_EMBED_DIMENSION": "384",
            "STREAMS_TOPIC_PARTITIONS": "4",
            **apart(run),
        }


async def prepared(environ: Mapping[str, str]) -> Settings:
    """The settings that these variables make, and their topics made."""
    for name in [name for name in os.environ if name.startswith("STREAMS_")]:
        if name not in BESIDES:
            del os.environ[name]
    os.environ.update(environ)
    settings = configuration.load(env_file=None)
    await topics.create(connection(settings), topics.wanted(topic_plan(settings)))
    return settings


async def produce(settings: Settings, pages: Sequence[Page]) -> None:
    """Writes them to the changes topic, in order."""
    async with AIOKafkaProducer(
        bootstrap_servers=settings.kafka, max_request_size=8 << 20, linger_ms=5
    ) as producer:
        sent = [await producer.send(settings.topic_changes, page.value, page.key) for page in pages]
        for one in sent:
            await one


async def warm_up(bench: Bench, records: int = 40_000) -> None:
    """Has the broker's code compiled before anything is measured: a cold one takes five times as long."""
    topic, connection_ = f"warm-up-{uuid.uuid4().hex[:6]}", KafkaConnection(bench.kafka.bootstrap)
    async with started(connection_, Admin(connection_)) as admin:
        await admin.create(topic, 4, 1, {})
    async with (
        AIOKafkaProducer(bootstrap_servers=bench.kafka.bootstrap) as producer,
        AIOKafkaConsumer(
            topic, bootstrap_servers=bench.kafka.bootstrap, auto_offset_reset="earliest"
        ) as consumer,
    ):
        for _ in range(records // 200):
            await asyncio.gather(*[await producer.send(topic, bytes(1000)) for _ in range(200)])
            await consumer.getmany(timeout_ms=10)


def reading(settings: Settings, topic: str, **options: object) -> AIOKafkaConsumer:
    """A consumer of a topic from its beginning, without a group."""
    return AIOKafkaConsumer(
        topic, bootstrap_servers=settings.kafka, auto_offset_reset="earliest", enable_auto_commit=False,
        **options,
    )  # fmt: skip
