"""A small deployment that is watched: one worker, a stand-in for Ollama, a Prometheus that scrapes."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import httpx
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from ops.observe.prometheus import Prometheus
from streams import settings as configuration
from streams.client import Client
from streams.kafka import topics
from streams.wiring import connection, topic_plan
from tests.apart import apart, weaviate_settings
from tests.bench.workers import Worker

LIMIT_S = 90
FIRST, SECOND = "large", "small"
"""The models."""


class Watched:
    """The deployment; `environ` goes over its settings."""

    def __init__(
        self, folder: Path, kafka: str, weaviate, stub_url: str, environ: Mapping[str, str] | None = None
    ) -> None:
        self.name, self.stub_url = f"watched-{uuid.uuid4().hex[:6]}", stub_url
        self.environ = {
            "STREAMS_KAFKA_BOOTSTRAP_SERVERS": kafka,
            **weaviate_settings(weaviate),
            "STREAMS_OLLAMA_URL": stub_url,
            "STREAMS_EMBED_MODEL": "all-minilm",
            "STREAMS_EMBED_DIMENSION": "384",
            "STREAMS_GENERATE_MODEL": FIRST,
            "STREAMS_FALLBACK_MODEL": SECOND,
            "STREAMS_SIMILARITY_THRESHOLD": "0.3",
            "STREAMS_TOPIC_PARTITIONS": "1",
            **apart(self.name),
            **(environ or {}),
        }
        given = {
            name.removeprefix("STREAMS_").lower(): value
            for name, value in self.environ.items()
            if name.startswith("STREAMS_")
        }
        self.settings = configuration.load(env_file=None, **given)
        self.worker = Worker(folder, self.environ)
        self.prometheus = Prometheus(folder / "prometheus", [self.worker.port])
        self.client = Client(self.settings, tenant=self.name)

    async def __aenter__(self) -> Self:
        reports = await topics.create(connection(self.settings), topics.wanted(topic_plan(self.settings)))
        assert all(report.fits for report in reports), reports
        self.worker.start()
        await asyncio.to_thread(self.worker.ready)
        await asyncio.to_thread(self.prometheus.start)
        await self.client.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.client.__aexit__()
        await asyncio.to_thread(self.prometheus.stop)
        self.stopped = await asyncio.to_thread(self.worker.stop)

    async def fail(self, *models: str) -> None:
        """Has these models fail from now on, and all others answer."""
        async with httpx.AsyncClient(trust_env=False) as http:
            (await http.put(f"{self.stub_url}/stub/failing", json=list(models))).raise_for_status()

    async def send(self, topic: str, *records: tuple[bytes | None, bytes | None], headers=()) -> None:
        """Records as they are: keys and values."""
        async with AIOKafkaProducer(bootstrap_servers=self.settings.kafka) as producer:
            for key, value in records:
                await producer.send_and_wait(f"{self.name}.{topic}", value, key, headers=list(headers))

    async def records(self, topic: str, wanted):
        """All records of a topic, once `wanted` says that they are enough."""
        got: list = []
        consumer = AIOKafkaConsumer(
            f"{self.name}.{topic}",
            bootstrap_servers=self.settings.kafka,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
        )
        async with consumer, asyncio.timeout(LIMIT_S):
            while not wanted(got):
                for messages in (await consumer.getmany(timeout_ms=200)).values():
                    got += messages
        return got

    async def send_bad_change(self) -> None:
        """A change that becomes a dead letter."""
        await self.send("changes", (b"default/bad", json.dumps({"id": "bad"}).encode()))
