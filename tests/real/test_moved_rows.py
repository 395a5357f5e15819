"""An update of many keys, as Debezium tells it, while Weaviate is slow and then away for a second.

A row whose key changed leaves out what did not change: it is in the row of the old key, whose deletion is
another record, often in another partition. More rows wait for that than a worker has slots.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from types import SimpleNamespace

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from ops.servers.process import free_ports
from streams import settings as configuration
from streams.kafka import topics
from streams.kafka.consume import tail
from streams.messages.held import current
from streams.messages.receipts import IndexReceipt
from streams.wiring import connection, topic_plan
from streams.worker.parts import open_store
from tests.apart import apart, weaviate_settings
from tests.bench.stub import stub
from tests.bench.workers import Worker
from tests.proxy import proxied

ROWS, NEW = 180, 1000
"""Of five rows four move by `NEW`, which is more than there are slots; the fifth is edited."""
LATE_S = 0.2
"""By so much comes later what passes, each way."""
LIMIT_S = 240
LEFT_OUT = "__debezium_unavailable_value"
AT = 1_700_000_000_000_000
PARTITIONS = 3
SOURCE = """
[[sources]]
topic = "{0}"
format = "debezium"
id = "{{id}}"
title = "{{title}}"
text = "{{body}}"
"""


def body(number):
    return f"What is written in row {number} is long."


class Table:
    """A table's topic, and what its rows are."""

    def __init__(self, topic, producer):
        self.topic, self._producer = topic, producer
        self.rows, self._lsn, self.sent = {}, 1000, 0

    async def insert(self, number):
        self.rows[number] = ("first", body(number))
        await self._put(number, "c", {"id": number, "title": "first", "body": body(number)})

    async def edit(self, number):
        self.rows[number] = ("edited", body(number))
        await self._put(number, "u", {"id": number, "title": "edited", "body": LEFT_OUT})

    async def move(self, number):
        """A deletion, its tombstone and the new row: the first and the last are of one place in the log."""
        self.rows[number + NEW] = self.rows.pop(number)
        await self._put(number, "d", None, "newkey", number + NEW)
        await self._send(number, None)
        row = {"id": number + NEW, "title": "first", "body": LEFT_OUT}
        self._lsn -= 1
        await self._put(number + NEW, "c", row, "oldkey", number)

    async def _put(self, number, op, after, header=None, other=None):
        self._lsn += 1
        info = {"connector": "postgresql", "schema": "public", "table": "t", "lsn": self._lsn, "ts_us": AT}
        before = {"id": number, "title": None, "body": None} if op == "d" else None
        value = {"op": op, "before": before, "after": after, "source": info}
        named = [(f"__debezium.{header}", json.dumps({"id": other}).encode())] if header else []
        await self._send(number, json.dumps(value).encode(), named)

    async def _send(self, number, value, headers=()):
        key = json.dumps({"id": number}).encode()
        await self._producer.send(self.topic, value, key, headers=list(headers))
        self.sent += 1


async def index(store, topic):
    """The title and the text of each row's document."""
    found, keys = {}, [key async for key in store.document_keys(topic)]
    for heads in (await store.heads(keys)).values():
        head = current(heads)
        if not head.deleted:
            held = await store.passages(head.tenant, [entry.id for entry in head.passages])
            found[int(head.document_id)] = (head.title, " ".join(one.text for one in held))
    return found


@pytest.mark.timeout(400)
async def test_no_row_is_lost_where_many_change_their_keys_while_the_store_is_slow_and_then_away(
    kafka, weaviate, tmp_path
):
    name = f"moved{uuid.uuid4().hex[:6]}"
    (tmp_path / "sources.toml").write_text(SOURCE.format(f"{name}.t"))
    slow = SimpleNamespace(url=f"http://127.0.0.1:{(http_port := free_ports())}", grpc_port=free_ports())
    with stub() as ollama:
        given = {
            "STREAMS_KAFKA_BOOTSTRAP_SERVERS": kafka,
            "STREAMS_OLLAMA_URL": ollama,
            "STREAMS_EMBED_MODEL": "all-minilm",
            "STREAMS_EMBED_DIMENSION": "384",
            "STREAMS_TOPIC_PARTITIONS": str(PARTITIONS),
            "STREAMS_SOURCES": str(tmp_path / "sources.toml"),
            **apart(name),
        }
        worker = Worker(tmp_path, given | weaviate_settings(slow), roles="index")
        direct = {key.removeprefix("STREAMS_").lower(): value for key, value in given.items()}
        there = {"weaviate_url": weaviate.url, "weaviate_grpc_port": weaviate.grpc_port}
        settings = configuration.load(env_file=None, **direct, **there)
        admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
        await admin.start()
        await admin.create_topics([NewTopic(f"{name}.t", PARTITIONS, 1)])
        await admin.close()
        await topics.create(connection(settings), topics.wanted(topic_plan(settings)))
        async with (
            proxied(http_port, weaviate.http_port) as http,
            proxied(slow.grpc_port, weaviate.grpc_port) as grpc,
            tail(connection(settings), settings.topic_indexed) as records,
            AIOKafkaProducer(bootstrap_servers=kafka, linger_ms=20) as producer,
            asyncio.timeout(LIMIT_S),
        ):
            table, ended = Table(f"{name}.t", producer), {}

            async def have_ended(count):
                await producer.flush()
                while len(ended) < count:
                    receipt = IndexReceipt.model_validate_json((await anext(records)).value)
                    ended[str(receipt.source)] = (receipt.outcome, receipt.reason)

            try:
                await asyncio.to_thread(worker.start().ready)
                for number in range(ROWS):
                    await table.insert(number)
                await have_ended(table.sent)
                for one in (http, grpc):
                    one.strike(delay_s=LATE_S)
                for number in range(ROWS):
                    await (table.edit(number) if number % 5 == 0 else table.move(number))
                await have_ended(ROWS + 10)
                for one in (http, grpc):
                    await one.refuse()
                await asyncio.sleep(1.0)
                for one in (http, grpc):
                    await one.listen()
                await have_ended(table.sent)
                assert await asyncio.to_thread(worker.stop) == 0
            finally:
                worker.kill()
        assert {outcome for outcome, _ in ended.values()} == {"indexed", "deleted", "ignored"}, ended
        store = await open_store(settings)
        try:
            assert await index(store, table.topic) == table.rows
        finally:
            await store.close()
