"""Those who index in the bench: our workers, and a plain loop. Each says on a topic what it has done."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import weaviate
from weaviate.classes.query import Filter, MetadataQuery

from streams.answering.retrieval.retrieve import retrieve
from streams.messages.changes import document_key
from streams.messages.held import current
from streams.ports import SearchQuery
from streams.settings import Settings
from streams.worker.parts import open_store
from tests.bench.corpus import TENANT, Page
from tests.bench.indexing import Bench, reading
from tests.bench.plain_loop import COLLECTION, windows
from tests.bench.workers import Worker

NOWHERE = [1.0] + [0.0] * 383
LOOP = Path(__file__).with_name("plain_loop.py")


@dataclass(frozen=True)
class Done:
    """What became of one record: passages it has, those of them embedded for it, and when that was said."""

    place: tuple[int, int]
    at: float
    passages: int
    embedded: int
    skipped: bool = False


class Workers:
    """One or several of our workers."""

    name = "rag-streams"

    def __init__(self, bench: Bench, settings: Settings, environs: Sequence[Mapping[str, str]]) -> None:
        self.settings = settings
        self.processes = [Worker(bench.folder, dict(environ), roles="index") for environ in environs]

    async def start(self) -> None:
        for worker in self.processes:
            worker.start()
        for worker in self.processes:
            await asyncio.to_thread(worker.ready)
        self.store = await open_store(self.settings)

    async def stop(self) -> None:
        await self.store.close()
        for worker in self.processes:
            await asyncio.to_thread(worker.stop)

    @property
    def pids(self) -> dict[str, int]:
        return {f"worker {n}": worker.process.pid for n, worker in enumerate(self.processes, 1)}

    @staticmethod
    def done(value: dict, at: float) -> Done:
        counts, source = value["passages"], value["source"]
        return Done(
            (source["partition"], source["offset"]), at, counts["total"], counts["embedded"],
            skipped=value["reason"] == "superseded",
        )  # fmt: skip

    async def finds(self, word: str) -> bool:
        """Whether a question would be given a passage with this word."""
        query = SearchQuery(tenant=TENANT, text=word, vector=NOWHERE, alpha=0.0, limit=2)
        retrieved = await retrieve(self.store, query, wanted=1, overfetch=2, rounds=1)
        return any(word in one.hit.text for one in retrieved.found)

    async def left(self, page: Page) -> int:
        """Passages that a question may be given and that are not in the document."""
        key = document_key(self.settings.topic_changes, page.key.decode())
        head = current((await self.store.heads([key])).get(key, ()))
        listed = [one.id for one in head.passages] if head else []
        held = await self.store.passages(TENANT, listed)
        return sum(passage.text not in page.text for passage in held)


class PlainLoop:
    """The baseline, in a process of its own."""

    name = "plain loop"

    def __init__(self, bench: Bench, settings: Settings) -> None:
        self.settings, self._weaviate = settings, bench.weaviate

    async def start(self) -> None:
        command = [
            sys.executable, str(LOOP), self.settings.kafka, self.settings.topic_changes,
            self.settings.topic_indexed, str(self._weaviate.http_port), str(self._weaviate.grpc_port),
            self.settings.ollama,
        ]  # fmt: skip
        self.process = subprocess.Popen(  # noqa: ASYNC220 - it does not wait for it
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        if (await asyncio.to_thread(self.process.stdout.readline)).strip() != "ready":
            raise RuntimeError("the plain loop did not start")
        self.client = weaviate.use_async_with_local(
            port=self._weaviate.http_port, grpc_port=self._weaviate.grpc_port
        )
        await self.client.connect()
        self.collection = self.client.collections.use(COLLECTION)

    async def stop(self) -> None:
        await self.client.close()
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    @property
    def pids(self) -> dict[str, int]:
        return {"plain loop": self.process.pid}

    @staticmethod
    def done(value: dict, at: float) -> Done:
        return Done((value["partition"], value["offset"]), at, value["windows"], value["windows"])

    async def finds(self, word: str) -> bool:
        found = await self.collection.query.bm25(word, limit=2, return_metadata=MetadataQuery(score=True))
        return any(word in one.properties["text"] for one in found.objects)

    async def left(self, page: Page) -> int:
        whole = Filter.by_property("document").equal(page.id)
        found = await self.collection.query.fetch_objects(filters=whole, limit=1000)
        now = set(windows(page.text))
        return sum(one.properties["text"] not in now for one in found.objects)


Contender = Workers | PlainLoop


@asynccontextmanager
async def running(contender: Contender):
    """The contender at work, until the end."""
    await contender.start()
    try:
        yield contender
    finally:
        await contender.stop()


class Watch:
    """Reads what a contender says that it has done."""

    def __init__(self, contender: Contender) -> None:
        self.contender, self.said = contender, {}
        self._more = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _read(self) -> None:
        settings = self.contender.settings
        async with reading(settings, settings.topic_indexed, fetch_max_wait_ms=20) as consumer:
            while True:
                for messages in (await consumer.getmany(timeout_ms=200)).values():
                    for message in messages:
                        done = self.contender.done(json.loads(message.value), time.monotonic())
                        self.said.setdefault(done.place, done)
                self._more.set()

    async def until(self, count: int, limit_s: float = 900) -> list[Done]:
        """What it has done with the first `count` records, in the order in which it said so."""
        async with asyncio.timeout(limit_s):
            while len(self.said) < count:
                if self._task.done():
                    self._task.result()
                self._more.clear()
                await self._more.wait()
        return list(self.said.values())
