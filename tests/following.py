"""A database that is followed: what `ops/cdc` gives compose, given to servers of the tests' own."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import time
import uuid
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import psycopg
from aiokafka import AIOKafkaConsumer

from ops.servers.capture import Connect, Postgres
from ops.servers.launch import Weaviate
from ops.servers.process import HOST
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
from tests.composed import compose

CDC = Path(__file__).parents[1] / "ops" / "cdc"
PASSWORD = "a secret"
AT_ONCE = 200
LIMIT_S = 120


def new_database(server: Postgres, name: str) -> str:
    """Makes a database as compose's, by the same script; gives its DSN."""
    with psycopg.connect(server.dsn(), autocommit=True) as database:
        database.execute(f'CREATE DATABASE "{name}"')
    done = subprocess.run(
        [server.programs / "psql", server.dsn(name), "-qf", CDC / "init.sql"],
        env=os.environ | {"CDC_PASSWORD": PASSWORD},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return server.dsn(name)


def connector(server: Postgres, database: str, prefix: str, **changes: str) -> dict[str, str]:
    """`connector.json` for a database here, whose topics begin with `prefix`; names in `changes` have `_`."""
    here = {
        "database.hostname": HOST,
        "database.port": str(server.port),
        "database.dbname": database,
        "topic.prefix": prefix,
    }
    more = {name.replace("_", "."): value for name, value in changes.items()}
    return json.loads((CDC / "connector.json").read_text()) | here | more


def connect_properties(environment: Mapping[str, str]) -> dict[str, str]:
    """What the image of Kafka Connect makes of its environment, but where Kafka is."""
    plain = {"GROUP_ID", "CONFIG_STORAGE_TOPIC", "OFFSET_STORAGE_TOPIC", "STATUS_STORAGE_TOPIC"}
    named = {name: value for name, value in environment.items() if name in plain}
    named |= {
        name.removeprefix("CONNECT_"): value
        for name, value in environment.items()
        if name.startswith("CONNECT_")
    }
    return {name.lower().replace("_", "."): str(value) for name, value in named.items()}


def composed_connect() -> dict[str, str]:
    """The properties of compose's Kafka Connect."""
    return connect_properties(compose()["services"]["connect"]["environment"])


class Follows:
    """A table that an index follows: its topic, a worker, and what the index makes of it.

    Everything has a name of its own, so that servers can be shared; the worker is not started. The database
    is a subclass's.
    """

    def __init__(
        self,
        folder: Path,
        kafka: str,
        weaviate: Weaviate,
        ollama: str,
        name: str,
        topic: str,
        sources: str,
    ) -> None:
        self.name, self.kafka, self.topic = name, kafka, topic
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
        changes = self.environ["STREAMS_TOPIC_CHANGES"]
        self.sources.write_text(sources.replace("documents.changes", changes))
        self.worker = Worker(folder, self.environ, roles="index")
        self._marks, self._records = 0, []

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
        self.write_mark(mark)
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

    def write_mark(self, mark: str) -> None:
        """Writes and commits a row whose record holds `mark`."""
        raise NotImplementedError

    def table(self) -> dict[str, dict]:
        """What the index should hold: each row's document, by its id."""
        raise NotImplementedError

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


class Following(Follows):
    """PostgreSQL's table `articles`, as compose has it."""

    def __init__(
        self,
        folder: Path,
        kafka: str,
        weaviate: Weaviate,
        ollama: str,
        server: Postgres,
        connect: Connect,
        more_sources: str = "",
    ) -> None:
        name = f"cms{uuid.uuid4().hex[:6]}"
        self.server, self.connect = server, connect
        self.dsn = new_database(server, name)
        sources = ((CDC / "sources.toml").read_text() + more_sources).replace(
            'topic = "cms', f'topic = "{name}'
        )
        super().__init__(folder, kafka, weaviate, ollama, name, f"{name}.public.articles", sources)

    def config(self, **changes: str) -> dict[str, str]:
        """The connector's configuration."""
        return connector(self.server, self.name, self.name, **({"slot_name": self.name} | changes))

    def connected(self) -> psycopg.Connection:
        """A connection to the database; leaving it commits, or rolls back where something was raised."""
        return psycopg.connect(self.dsn)

    def sql(self, *statements: str) -> list[tuple]:
        """Runs statements in one transaction; the rows of the last."""
        with self.connected() as database:
            for statement in statements:
                cursor = database.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def write_mark(self, mark: str) -> None:
        """As said above."""
        self.sql(
            "INSERT INTO articles (id, org, slug, title, body)"
            f" VALUES (0, '{self.name}', '{mark}', 'A mark', 'Says how far the connector is.')"
            " ON CONFLICT (id) DO UPDATE SET slug = excluded.slug"
        )

    def table(self) -> dict[str, dict]:
        """What the index should hold: each row's document."""
        rows = self.sql(
            "SELECT id, org, slug, title, summary, body, readers, author, updated_at FROM articles"
        )
        return {f"article-{row[0]}": document_of(*row[1:]) for row in rows}


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
