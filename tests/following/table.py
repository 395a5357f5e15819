"""A table that is followed: what `ops/cdc` has, given to servers of the tests' own, and what is indexed."""

from __future__ import annotations

import asyncio
import os
import re
import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from aiokafka import AIOKafkaConsumer

from ops.servers.capture import Connect
from ops.servers.launch import Server, Weaviate
from streams import settings as configuration
from streams.answering.retrieval.retrieve import retrieve
from streams.kafka import topics
from streams.kafka.watermarks import CommittedOffsets
from streams.messages.floors import below, is_floor
from streams.messages.held import current
from streams.messages.receipts import IndexReceipt
from streams.messages.records import Offset
from streams.ollama.client import OllamaClient
from streams.ollama.embedder import open_embedder
from streams.ports import SearchQuery
from streams.wiring import connection, topic_plan
from streams.worker.parts import ollama_config, open_store
from tests.apart import apart, weaviate_settings
from tests.bench.workers import Worker

CDC = Path(__file__).parents[2] / "ops" / "cdc"
PASSWORD = "a secret"
PAGE = "how-to/follow-a-database.md"
AT_ONCE = 200
LIMIT_S = 120
MARK = -1
"""The row that says how far the connector is."""


class Following(ABC):
    """A table `articles` that an index follows: its topic, a worker, and what the index makes of it.

    Everything has a name of its own, so that servers can be shared; the worker is not started. Which database
    it is is a subclass's.
    """

    KIND: str
    """What the names begin with."""
    UPSERT: str
    """The end of an insertion that changes the row's slug where the row is there."""

    def __init__(
        self,
        folder: Path,
        kafka: str,
        weaviate: Weaviate,
        ollama: str,
        server: Server,
        connect: Connect,
        more_sources: str = "",
    ) -> None:
        self.name = f"{self.KIND}{uuid.uuid4().hex[:6]}"
        self.server, self.connect, self.kafka = server, connect, kafka
        self.make_database()
        self.sources = folder / "sources.toml"
        self.environ = {
            "STREAMS_KAFKA_BOOTSTRAP_SERVERS": kafka,
            **weaviate_settings(weaviate),
            "STREAMS_OLLAMA_URL": ollama,
            "STREAMS_EMBED_MODEL": "all-minilm",
            "STREAMS_EMBED_DIMENSION": "384",
            "STREAMS_TOPIC_PARTITIONS": "2",
            "STREAMS_SOURCES": str(self.sources),
            **apart(self.name),
        }
        sources = self.renamed((CDC / "sources.toml").read_text() + more_sources)
        self.sources.write_text(sources.replace("documents.changes", self.environ["STREAMS_TOPIC_CHANGES"]))
        self.worker = Worker(folder, self.environ, roles="index")
        self._marks, self._records = 0, []

    @property
    @abstractmethod
    def topic(self) -> str:
        """The table's."""

    @abstractmethod
    def make_database(self) -> None:
        """Makes a database as `ops/cdc` has it, called `name`."""

    @abstractmethod
    def renamed(self, sources: str) -> str:
        """The sources of `ops/cdc`, and more like them, with the names that topics have here."""

    @abstractmethod
    def config(self, **changes: str) -> dict[str, str]:
        """The configuration of the connector; names in `changes` have `_` for `.`."""

    @abstractmethod
    def sql(self, *statements: str) -> Sequence:
        """Runs statements in one transaction; the rows that they give."""

    @abstractmethod
    def table(self) -> dict[str, dict]:
        """What the index should hold: each row's document, by its id."""

    @abstractmethod
    def readers(self, *names: str) -> str:
        """The column `readers` with these."""

    @abstractmethod
    def snapshot(self) -> None:
        """Asks for a snapshot on demand, by the statement of the documentation."""

    async def open(self, set_environment=os.environ.__setitem__) -> None:
        """Makes our topics, and opens the index for reading."""
        for name, value in self.environ.items():
            set_environment(name, value)
        self.settings = configuration.load(env_file=None)
        await topics.create(connection(self.settings), topics.wanted(topic_plan(self.settings)))
        self.store = await open_store(self.settings)
        # The topic comes with the first record.
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=self.kafka, auto_offset_reset="earliest", metadata_max_age_ms=500
        )
        self._consumer.subscribe(pattern=re.escape(self.topic))
        await self._consumer.start()
        self._watermarks = CommittedOffsets(connection(self.settings), f"{self.name}-index", [self.topic])

    async def close(self) -> None:
        """Lets go of topic and index."""
        await self._consumer.stop()
        await self._watermarks.close()
        await self.store.close()

    async def records(self) -> list:
        """All records that are on the table's topic by now, as far as they have been fetched."""
        for messages in (await self._consumer.getmany(timeout_ms=100)).values():
            self._records += messages
        return self._records

    async def captured(self) -> list:
        """All records of the table, once all that is committed by now is among them."""
        self._marks += 1
        mark = f"mark-{self._marks}"
        self._write_mark(mark)
        async with asyncio.timeout(LIMIT_S):
            while True:
                seen = len(self._records)
                if any(mark.encode() in (record.value or b"") for record in (await self.records())[seen:]):
                    return list(self._records)

    async def applied(self, records: list) -> None:
        """Returns when the worker has dealt with all of these."""
        ends = {}
        for record in records:
            ends[record.partition] = max(ends.get(record.partition, 0), record.offset)
        after = [
            Offset(topic=records[0].topic, partition=number, offset=offset) for number, offset in ends.items()
        ]
        reached = await self._watermarks.wait_for(after, time.monotonic() + LIMIT_S)
        assert reached, f"the worker is not there after {LIMIT_S} s:\n{self.worker.tail()}"

    async def receipts(self, records: list) -> dict[str, IndexReceipt]:
        """Each record's receipt, once all have theirs."""
        wanted = {f"{one.topic}-{one.partition}-{one.offset}" for one in records}
        consumer = AIOKafkaConsumer(
            self.settings.topic_indexed, bootstrap_servers=self.kafka, auto_offset_reset="earliest"
        )
        found: dict[str, IndexReceipt] = {}
        async with consumer, asyncio.timeout(LIMIT_S):
            while not wanted <= found.keys():
                for messages in (await consumer.getmany(timeout_ms=200)).values():
                    read = [IndexReceipt.model_validate_json(message.value) for message in messages]
                    found |= {str(one.source): one for one in read}
        return {place: found[place] for place in wanted}

    async def follows(self) -> None:
        """Once all that is committed is captured and applied, the index equals the table.

        A large record may come to its partition after a later, small one to another: it is waited for.
        """
        until = time.monotonic() + LIMIT_S
        await self.applied(await self.captured())
        while odd := await self._differences():
            assert time.monotonic() < until, f"{odd}\n{self.worker.tail(5)}"
            await self.applied(list(await self.records()))

    async def _differences(self) -> list[str]:
        table, index = self.table(), await self.index()
        odd = [name for name in table.keys() | index.keys() if table.get(name) != index.get(name)]
        return [f"{name}: {_short(index.get(name))}, not {_short(table.get(name))}" for name in odd]

    async def holds(self, source: str, texts: Mapping[str, str]) -> None:
        """Returns when the index holds these documents of another topic, by id, and no others."""
        async with asyncio.timeout(LIMIT_S):
            while True:
                index = await self.index(source)
                if {name: document["text"] for name, document in index.items()} == texts:
                    return
                await asyncio.sleep(0.2)

    def _write_mark(self, mark: str) -> None:
        self.sql(
            "INSERT INTO articles (id, org, slug, title, body)"
            f" VALUES ({MARK}, '{self.name}', '{mark}', 'A mark', 'Says how far the connector is.')"
            f" {self.UPSERT}"
        )

    async def index(self, source: str | None = None) -> dict[str, dict]:
        """What the index holds of the table: each live document, by all that it is."""
        heads = await self._heads(source or self.topic)
        floor = next((head for head in heads if is_floor(head)), None)
        live = [head for head in heads if not head.deleted and (floor is None or not below(head, floor))]
        ids = [head.document_id for head in live]
        assert len(ids) == len(set(ids)), "two documents with one id"
        return {head.document_id: await self._held(head) for head in live}

    async def _heads(self, source: str) -> list:
        keys = [key async for key in self.store.document_keys(source)]
        found = []
        for begin in range(0, len(keys), AT_ONCE):
            heads = await self.store.heads(keys[begin : begin + AT_ONCE])
            found += [one for one in map(current, heads.values()) if one is not None]
        return found

    async def _held(self, head) -> dict:
        ids = [entry.id for entry in head.passages]
        passages = {passage.id: passage for passage in await self.store.passages(head.tenant, ids)}
        assert set(ids) == set(passages), f"{head.document_id} lists passages that are not there"
        for passage in passages.values():
            assert (passage.tenant, passage.readers, passage.metadata) == (
                head.tenant,
                head.readers,
                head.metadata,
            )
        metadata = dict(pair.split("=", 1) for pair in head.metadata)
        return {
            "tenant": head.tenant,
            "title": head.title,
            "url": head.url,
            "readers": list(head.readers),
            "author": metadata.get("author"),
            "updated_at": datetime.fromisoformat(metadata["updated_at"])
            if "updated_at" in metadata
            else None,
            "text": " ".join(" ".join(passages[one].text for one in ids).split()),
        }

    async def found(self, text: str, tenant: str, *principals: str) -> dict[str, str]:
        """What a search finds, best first: of each document, the text of its passages."""
        async with OllamaClient(ollama_config(self.settings)) as client:
            embedder = await open_embedder(client, self.settings.embed_model, self.settings.embed_dimension)
            vector = await embedder.embed_query(text)
        query = SearchQuery(tenant=tenant, text=text, vector=vector, principals=principals, limit=50)
        retrieved = await retrieve(self.store, query, wanted=50, overfetch=2, rounds=5)
        texts: dict[str, str] = {}
        for one in retrieved.found:
            texts[one.head.document_id] = texts.get(one.head.document_id, "") + one.hit.text
        return texts


def _short(document: dict | None) -> str:
    """A document, for a person to read."""
    return "absent" if document is None else str(document | {"text": document["text"][:80]})


def document_of(org, slug, title, summary, body, readers, author, updated_at) -> dict:
    """What the index should hold of a row of `articles`."""
    return {
        "tenant": org,
        "title": title,
        "url": f"https://cms.example.org/{slug}",
        "readers": sorted(readers) or ["*"],
        "author": author or "null",
        "updated_at": updated_at,
        "text": " ".join(f"{summary or ''} {body}".split()),
    }
