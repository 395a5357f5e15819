"""Canal, Maxwell, CloudEvents, and plain rows in Avro, through a worker: receipts, and the index."""

import asyncio
import io
import json
import uuid

import fastavro
import pytest
import pytest_asyncio
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from streams import settings as configuration
from streams.kafka import topics
from streams.messages.held import current
from streams.messages.receipts import IndexReceipt
from streams.wiring import connection, topic_plan
from streams.worker.parts import open_store
from tests.apart import apart, weaviate_settings
from tests.bench.index import stub
from tests.bench.workers import Worker
from tests.real.registering import registering

pytestmark = [pytest.mark.timeout(300), pytest.mark.asyncio(loop_scope="module")]

LIMIT_S = 120
FORMATS = ("canal", "maxwell", "cloudevents", "json")
SOURCES = """
[[sources]]
topic = "{name}.{format}"
format = "{format}"
id = "{{id}}"
text = "{{body}}"
title = "{{title?}}"
"""
ARTICLE = {
    "type": "record",
    "name": "Article",
    "fields": [{"name": "id", "type": "long"}, {"name": "body", "type": ["null", "string"]}],
}


class Rows:
    """A worker with a source of each format, what it answers, and what the index holds."""

    def __init__(self, kafka, weaviate, ollama, apicurio, folder):
        self.name = f"rows{uuid.uuid4().hex[:6]}"
        self.kafka, self.registry = kafka, apicurio.url
        texts = [SOURCES.format(name=self.name, format=one) for one in FORMATS]
        texts[-1] += f'encoding = "avro"\nschema_registry = "{apicurio.url}"\n'
        (folder / "sources.toml").write_text("".join(texts))
        self.environ = {
            "STREAMS_KAFKA_BOOTSTRAP_SERVERS": kafka,
            **weaviate_settings(weaviate),
            "STREAMS_OLLAMA_URL": ollama,
            "STREAMS_EMBED_MODEL": "all-minilm",
            "STREAMS_EMBED_DIMENSION": "384",
            "STREAMS_TOPIC_PARTITIONS": "1",
            "STREAMS_SOURCES": str(folder / "sources.toml"),
            **apart(self.name),
        }
        self.worker = Worker(folder, self.environ, roles="index")

    async def open(self, set_environment):
        for name, value in self.environ.items():
            set_environment(name, value)
        self.settings = configuration.load(env_file=None)
        await topics.create(connection(self.settings), topics.wanted(topic_plan(self.settings)))
        admin = AIOKafkaAdminClient(bootstrap_servers=self.kafka)
        await admin.start()
        await admin.create_topics([NewTopic(f"{self.name}.{one}", 1, 1) for one in FORMATS])
        await admin.close()
        self.store = await open_store(self.settings)

    async def receipt(self, format_, value, key=None, headers=()):
        """What became of a record."""
        topic = f"{self.name}.{format_}"
        async with AIOKafkaProducer(bootstrap_servers=self.kafka) as producer:
            at = await producer.send_and_wait(topic, value, key, headers=list(headers))
        consumer = AIOKafkaConsumer(
            self.settings.topic_indexed, bootstrap_servers=self.kafka, auto_offset_reset="earliest"
        )
        async with consumer, asyncio.timeout(LIMIT_S):
            async for message in consumer:
                receipt = IndexReceipt.model_validate_json(message.value)
                if (receipt.source.topic, receipt.source.offset) == (topic, at.offset):
                    return receipt
        raise AssertionError("a consumer ends by itself")

    async def index(self, format_):
        """The text of each of a source's documents."""
        keys = [key async for key in self.store.document_keys(f"{self.name}.{format_}")]
        found = {}
        for heads in (await self.store.heads(keys)).values():
            head = current(heads)
            if not head.deleted:
                held = await self.store.passages(head.tenant, [entry.id for entry in head.passages])
                assert head.document_id not in found, "two documents with one id"
                found[head.document_id] = " ".join(one.text for one in held)
        return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rows(kafka, weaviate, apicurio, tmp_path_factory):
    with stub(embed_ms=0.0) as ollama, pytest.MonkeyPatch.context() as patch:
        one = Rows(kafka, weaviate, ollama, apicurio, tmp_path_factory.mktemp("rows"))
        await one.open(patch.setenv)
        one.worker.start()
        yield one
        code = await asyncio.to_thread(one.worker.stop)
        await one.store.close()
        assert code == 0, one.worker.tail()


def outcome(receipt):
    return receipt.outcome, receipt.reason, receipt.documents


def statement(kind, *data, old=None, **more):
    value = {"type": kind, "database": "shop", "table": "articles", "es": 1_684_770_072_000, "isDdl": False}
    value |= {"pkNames": ["id"], "mysqlType": {"id": "int", "body": "text"}, "data": list(data), "old": old}
    return json.dumps(value | more).encode()


def row(number, body):
    return {"id": str(number), "title": None, "body": body}


async def test_several_rows_of_canal_are_several_documents_in_one_receipt(rows):
    receipt = await rows.receipt("canal", statement("INSERT", row(1, "a"), row(2, "b"), row(3, "c")))
    assert outcome(receipt) == ("indexed", None, 3)
    assert (receipt.document_id, receipt.tenant, receipt.passages.total) == (None, None, 3)
    receipt = await rows.receipt(
        "canal", statement("UPDATE", row(1, "a2"), row(2, "b"), old=[{"body": "a"}, {}])
    )
    assert outcome(receipt) == ("indexed", None, 2)
    receipt = await rows.receipt("canal", statement("DELETE", row(2, "b")))
    assert outcome(receipt) == ("deleted", None, 1)
    assert await rows.index("canal") == {"1": "a2", "3": "c"}


async def test_of_two_changes_of_one_row_in_one_record_the_later_one_counts(rows):
    receipt = await rows.receipt("canal", statement("UPDATE", row(4, "first"), row(4, "last"), old=[{}, {}]))
    assert outcome(receipt) == ("indexed", None, 1)
    assert (await rows.index("canal"))["4"] == "last"


async def test_rows_of_canal_that_move_leave_nothing_behind(rows):
    await rows.receipt("canal", statement("INSERT", row(10, "x"), row(11, "y")))
    moved = statement("UPDATE", row(12, "y"), row(11, "x"), old=[{"id": "11"}, {"id": "10"}])
    assert outcome(await rows.receipt("canal", moved)) == ("indexed", None, 3)
    index = await rows.index("canal")
    assert (index.get("10"), index["11"], index["12"]) == (None, "x", "y")


async def test_one_row_that_cannot_be_mapped_is_a_dead_letter_and_the_others_are_indexed(rows):
    receipt = await rows.receipt("canal", statement("INSERT", row(20, "good"), row(21, None)))
    assert outcome(receipt) == ("dead", "unmapped", 2)
    index = await rows.index("canal")
    assert (index["20"], index.get("21")) == ("good", None)


async def test_what_canal_says_beside_rows_is_ignored_by_name(rows):
    receipt = await rows.receipt("canal", statement("ALTER", isDdl=True, sql="ALTER TABLE …"))
    assert outcome(receipt) == ("ignored", "schema_change", 0)
    assert outcome(await rows.receipt("canal", b"[]")) == ("dead", "not_canal", 0)


def binlog(kind, data, **more):
    value = {"type": kind, "database": "shop", "table": "articles", "ts": 1_684_770_072}
    return json.dumps(value | {"data": data | {"title": None}, "primary_key_columns": ["id"]} | more).encode()


async def test_maxwells_changes_of_one_second_are_in_the_order_of_the_binlog(rows):
    first, second = ({"position": f"master.000001:{position}"} for position in (10, 20))
    await rows.receipt("maxwell", binlog("insert", {"id": 1, "body": "second"}, **second))
    late = await rows.receipt("maxwell", binlog("insert", {"id": 1, "body": "first"}, **first))
    assert outcome(late) == ("ignored", "stale", 1)
    third = {"position": "master.000002:4", "old": {"id": 1}}
    receipt = await rows.receipt("maxwell", binlog("update", {"id": 2, "body": "moved"}, **third))
    assert outcome(receipt) == ("indexed", None, 2)
    assert await rows.index("maxwell") == {"2": "moved"}


async def test_an_event_is_written_deleted_and_not_brought_back_by_an_older_one(rows):
    def headers(**more):
        named = {"specversion": "1.0", "id": "1", "source": "/s", "type": "changed", "subject": "a/1"} | more
        return [(f"ce_{name}", value.encode()) for name, value in named.items()]

    data = json.dumps({"id": 1, "body": "Hello."}).encode()
    times = [{"time": f"2026-11-22T10:00:0{second}Z"} for second in range(3)]
    receipt = await rows.receipt("cloudevents", data, b"one", headers(**times[1]))
    assert (outcome(receipt), receipt.document_id) == (("indexed", None, 1), "1")
    assert str(receipt.changed_at) == "2026-11-22 10:00:01+00:00"
    receipt = await rows.receipt("cloudevents", data, b"one", headers(type="x.deleted", **times[2]))
    assert outcome(receipt) == ("deleted", None, 1)
    receipt = await rows.receipt("cloudevents", data, b"one", headers(**times[0]))
    assert outcome(receipt) == ("ignored", "stale", 1)
    assert await rows.index("cloudevents") == {}


def avro(id_, value):
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(ARTICLE), value)
    return b"\x00" + id_.to_bytes(4, "big") + out.getvalue()


async def test_plain_rows_in_avro_are_indexed_by_the_schemas_of_a_registry(rows):
    id_ = await registering(rows.registry, rows.name)("articles-value", ARTICLE)
    receipt = await rows.receipt("json", avro(id_, {"id": 1, "body": "In Avro."}), b"1")
    assert (outcome(receipt), receipt.document_id) == (("indexed", None, 1), "1")
    assert await rows.index("json") == {"1": "In Avro."}
    for value, code in (
        (avro(4_000_000, {"id": 2, "body": "x"}), "unknown_schema"),
        (b'{"id": 2}', "not_avro"),
        (avro(id_, {"id": 2, "body": "x"})[:-1], "not_avro"),
        (avro(id_, {"id": 2, "body": None}), "unmapped"),
    ):
        assert outcome(await rows.receipt("json", value, b"2")) == ("dead", code, 0)
    assert outcome(await rows.receipt("json", None, b"1")) == ("deleted", None, 1)
    assert await rows.index("json") == {}
