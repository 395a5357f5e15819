"""A table of PostgreSQL, followed through Debezium in Avro with a registry: the index equals the table."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaProducer

from ops.servers.launch import servers_folder
from tests.bench.index import stub
from tests.bench.workers import Worker
from tests.conftest import lacking
from tests.following.postgresql import FollowingPostgres, composed_connect
from tests.following.table import PASSWORD

pytestmark = [pytest.mark.timeout(400), pytest.mark.asyncio(loop_scope="module")]


def in_avro(apicurio):
    """How Kafka Connect writes Confluent's wire format with Apicurio's converter."""
    return {
        f"{part}_converter{name}": value
        for part in ("key", "value")
        for name, value in {
            "": "io.apicurio.registry.utils.converter.AvroConverter",
            "_apicurio_registry_url": f"http://127.0.0.1:{apicurio.port}/apis/registry/v2",
            "_apicurio_registry_auto-register": "true",
            "_apicurio_registry_find-latest": "true",
            "_apicurio_registry_as-confluent": "true",
            "_apicurio_registry_headers_enabled": "false",
            "_apicurio_registry_use-id": "contentId",
        }.items()
    }


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cms(kafka, weaviate, postgres, apicurio, new_connect, tmp_path_factory):
    """A table that a worker follows in Avro; three rows were there before the connector."""
    converter = servers_folder() / "converter"
    if not converter.exists():
        lacking(f"the converter is not installed in {servers_folder()}: run `make servers`")
    plugins = {
        "plugin.path": f"{servers_folder() / 'debezium'},{converter}",
        "plugin.discovery": "hybrid_warn",
    }
    connect = new_connect(kafka, {"CDC_PASSWORD": PASSWORD}, **composed_connect() | plugins)
    with stub(embed_ms=0.0) as ollama, pytest.MonkeyPatch.context() as patch:
        following = FollowingPostgres(
            tmp_path_factory.mktemp("avro"), kafka, weaviate, ollama, postgres, connect
        )
        avro = f'format = "debezium"\nencoding = "avro"\nschema_registry = "{apicurio.url}"'
        text = following.sources.read_text().replace('format = "debezium"', avro)
        following.sources.write_text(text.replace('"updated_at"]', '"updated_at", "price?", "day?"]'))
        await following.open(patch.setenv)
        following.sql(
            "ALTER TABLE articles ADD price numeric(10,2), ADD day date",
            *(insert(number, body=f"Was there before: early{number}.") for number in (1, 2, 3)),
        )
        semantic = {"decimal_handling_mode": "precise", "time_precision_mode": "adaptive"}
        connect.put(following.name, following.config(**in_avro(apicurio), **semantic))
        following.worker.start()
        yield following
        code = await asyncio.to_thread(following.worker.stop)
        await following.close()
        assert code == 0


def insert(number, **columns):
    row = {"id": number, "org": "acme", "slug": f"s{number}", "title": f"Row {number}"} | columns
    values = ("'" + str(value).replace("'", "''") + "'" for value in row.values())
    return f"INSERT INTO articles ({', '.join(row)}) VALUES ({', '.join(values)})"


async def test_inserts_updates_and_deletes_in_avro_are_followed(cms):
    await cms.follows()
    cms.sql(
        insert(10, body="The first kiwi.", author="Ada", readers="{group:staff,user:7}"),
        insert(11, body="The second kiwi."),
        insert(12, body="The third kiwi: zanzibar."),
    )
    cms.sql("UPDATE articles SET body = 'A mango now.' WHERE id = 10", "DELETE FROM articles WHERE id = 12")
    await cms.follows()
    assert all(record.value is None or record.value[0] == 0 for record in await cms.records())
    assert "zanzibar" not in str(await cms.found("zanzibar third kiwi", "acme"))


async def test_values_are_decoded_by_the_names_that_the_schema_gives_them(cms):
    cms.sql(insert(20, body="Dear.", price="1234.50", day="2026-11-22"))
    await cms.follows()
    (head,) = [head for head in await cms._heads(cms.topic) if head.document_id == "article-20"]
    assert {"price=1234.50", "day=2026-11-22"} <= set(head.metadata)


async def test_a_large_value_that_did_not_change_is_taken_from_the_document(cms):
    cms.sql(insert(30, body=" ".join(f"word{number}" for number in range(30_000))))
    await cms.follows()
    cms.sql("UPDATE articles SET title = 'Another title' WHERE id = 30")
    await cms.follows()


async def test_a_schema_that_changes_on_the_way_is_fetched(cms):
    cms.sql("ALTER TABLE articles ADD colour text", insert(40, body="Of a new schema.", colour="red"))
    cms.sql("UPDATE articles SET body = 'An old row of the new schema.' WHERE id = 1")
    await cms.follows()


async def test_while_the_registry_is_frozen_records_wait_and_none_is_dead_lettered(cms, apicurio, tmp_path):
    """A fresh worker knows no schema. Once the registry answers again, everything is there."""
    assert await asyncio.to_thread(cms.worker.stop) == 0
    cms.sql(insert(50, body="Written while nobody looked."))
    records = await cms.captured()
    apicurio.freeze()
    try:
        cms.worker = Worker(tmp_path, cms.environ, roles="index").start()
        await said(cms.worker, "records wait: registry_down")
        assert "the schema registry at" in await asyncio.to_thread(unready, cms.worker)
    finally:
        apicurio.thaw()
    await cms.applied(records)
    await cms.follows()
    receipts = await cms.receipts(records)
    assert "dead" not in {receipt.outcome for receipt in receipts.values()}


def unready(worker):
    """Why the worker is not ready."""
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"http://127.0.0.1:{worker.port}/readyz", timeout=10)
    assert caught.value.code == 503
    return caught.value.read().decode()


async def said(worker, text, limit_s=150):
    async with asyncio.timeout(limit_s):
        while text not in worker.log.read_text(errors="replace"):
            assert worker.process.poll() is None, worker.tail()
            await asyncio.sleep(0.2)


async def test_a_number_that_no_registry_gave_is_a_dead_letter_of_that_record_alone(cms):
    async with AIOKafkaProducer(bootstrap_servers=cms.kafka) as producer:
        at = await producer.send_and_wait(cms.topic, b"\x00\x00\x0f\x42\x40\x02", b'{"id":99}', partition=0)
    cms.sql(insert(60, body="After the odd one."))
    await cms.follows()
    records = await cms.records()
    await cms.applied(records)
    receipts = await cms.receipts(records)
    odd = receipts[f"{at.topic}-{at.partition}-{at.offset}"]
    assert (odd.outcome, odd.reason) == ("dead", "unknown_schema")
    assert json.loads(odd.model_dump_json())["documents"] == 0
