"""What PostgreSQL and Debezium make of every type, decoded: with a schema, and flattened without one."""

from __future__ import annotations

import asyncio
import re
import uuid

import psycopg
import pytest
from aiokafka import AIOKafkaConsumer

from ops.servers.process import HOST
from streams.messages.changes import Incomplete
from streams.messages.records import Record
from streams.sources import Source, decode

pytestmark = pytest.mark.timeout(300)

LIMIT_S = 120
SMALL = {
    "price": ("numeric(10,2)", "1234.50", "1234.50"),
    "amount": ("numeric", "-0.000001", "-0.000001"),
    "day": ("date", "2026-11-22", "2026-11-22"),
    "clock": ("time", "10:00:00.25", "10:00:00.25"),
    "at": ("timestamp", "2026-11-22 10:00:00.123456", "2026-11-22T10:00:00.123456"),
    "zoned": ("timestamptz", "2026-11-22 10:00:00.5+00", "2026-11-22T10:00:00.500000Z"),
    "flags": ("bit(5)", "10010", "10010"),
    "uid": ("uuid", "5f8a1c2e-3b4d-4e6f-8a9b-1c2d3e4f5a6b", "5f8a1c2e-3b4d-4e6f-8a9b-1c2d3e4f5a6b"),
    "yes": ("boolean", "true", "true"),
    "place": ("point", "(1.5,-2)", "POINT (1.5 -2.0)"),
    "tags": ("text[]", "{a,b}", '["a","b"]'),
    "days": ("date[]", "{2026-11-22}", '["2026-11-22"]'),
}
"""Columns: type, what is written, what a template gives."""
AS_THEY_ARE = {
    "day": "2026-11-22Z",
    "clock": "10:00:00.25Z",
    "at": "2026-11-22T10:00:00.123456Z",
    "flags": "Eg==",
    "place": '{"x":1.5,"y":-2.0,"wkb":"AQEAAAAAAAAAAAD4PwAAAAAAAADA","srid":null}',
    "days": '["2026-11-22Z"]',
}
"""What it gives where no schema says what it is."""
LARGE = {
    "body": ("text", "repeat('word ', 1000)"),
    "raw": ("bytea", "convert_to(repeat('word ', 1000), 'UTF8')"),
    "doc": ("jsonb", "jsonb_build_object('a', repeat('word ', 1000))"),
    "words": ("text[]", "string_to_array(repeat('word ', 1000), ' ')"),
    "numbers": ("int[]", "array(SELECT generate_series(1, 2000))"),
    "long_numbers": ("bigint[]", "array(SELECT generate_series(1, 2000)::bigint)"),
    "uids": ("uuid[]", "array(SELECT gen_random_uuid() FROM generate_series(1, 500))"),
}
"""Columns whose values lie apart from their rows: type, and what makes one."""


def create():
    columns = {name: kind for name, (kind, *_) in (SMALL | LARGE).items()}
    yield f"CREATE TABLE things (id int PRIMARY KEY, n int, {', '.join(map(' '.join, columns.items()))})"
    yield from (f"ALTER TABLE things ALTER COLUMN {name} SET STORAGE EXTERNAL" for name in LARGE)
    values = [f"'{value}'" for _, value, _ in SMALL.values()] + [value for _, value in LARGE.values()]
    yield f"INSERT INTO things (id, n, {', '.join(columns)}) VALUES (1, 1, {', '.join(values)})"


def connector(server, name, **more):
    return {
        "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
        "database.hostname": HOST,
        "database.port": str(server.port),
        "database.user": "postgres",
        "database.password": "",
        "database.dbname": name.partition("_")[0],
        "topic.prefix": name,
        "table.include.list": "public.things",
        "plugin.name": "pgoutput",
        "slot.name": name,
        "publication.name": name,
        "publication.autocreate.mode": "filtered",
        "skipped.operations": "none",
        "poll.interval.ms": "50",
        "topic.creation.default.partitions": "1",
        "topic.creation.default.replication.factor": "1",
        **more,
    }


FLATTENED = {
    "transforms": "unwrap",
    "transforms.unwrap.type": "io.debezium.transforms.ExtractNewRecordState",
    "transforms.unwrap.add.fields": "op,source.ts_ns,lsn",
    "decimal.handling.mode": "string",
    "time.precision.mode": "isostring",
}
WITH_SCHEMA = {f"{part}.converter.schemas.enable": "true" for part in ("key", "value")} | {
    f"{part}.converter": "org.apache.kafka.connect.json.JsonConverter" for part in ("key", "value")
}


@pytest.fixture(scope="module")
def things(kafka, postgres, new_connect):
    """A table, and a way to run SQL on it; two connectors follow it. Gives the name of each, too."""
    name = f"t{uuid.uuid4().hex[:6]}"
    with psycopg.connect(postgres.dsn(), autocommit=True) as database:
        database.execute(f"CREATE DATABASE {name}")
    connect = new_connect(kafka)

    def sql(*statements):
        with psycopg.connect(postgres.dsn(name)) as database:
            for statement in statements:
                database.execute(statement)

    sql(*create())
    whole, flat = f"{name}_whole", f"{name}_flat"
    connect.put(whole, connector(postgres, whole, **WITH_SCHEMA))
    connect.put(flat, connector(postgres, flat, **FLATTENED))
    return sql, whole, flat


async def said(kafka, prefix, until):
    """What the records of a connector say of row 1, from the first to where the row `until` is written."""
    text = "\n".join(f"{{{name}}}" for name in SMALL | LARGE)
    topic = f"{prefix}.public.things"
    source = Source(topic, "debezium", id="thing-{id}", title="{n?}", text=text)
    found = []
    # The topic comes with the first record.
    consumer = AIOKafkaConsumer(
        bootstrap_servers=kafka, auto_offset_reset="earliest", metadata_max_age_ms=500
    )
    consumer.subscribe(pattern=re.escape(topic))
    async with consumer, asyncio.timeout(LIMIT_S):
        while str(until).encode() not in (message := await consumer.getone()).key:
            at = (message.topic, message.partition, message.offset, message.timestamp)
            record = Record(*at, message.key, message.value, tuple(message.headers))
            if b'"id":1}' in message.key:
                found += decode(source, record, max_bytes=10_000_000)
    return found


async def follow(kafka, things, *statements):
    """For each connector, the changes of row 1, once these have been committed."""
    sql, whole, flat = things
    sql(*statements)
    last = uuid.uuid4().int % 10**9
    sql(f"INSERT INTO things (id) VALUES ({last})")
    return [await said(kafka, prefix, last) for prefix in (whole, flat)]


def small(change):
    """What its document says of the columns that are small."""
    lines = change.document.text.split("\n")
    assert len(lines) == len(SMALL | LARGE)
    return dict(zip(SMALL, lines, strict=False))


async def test_every_type_reads_as_a_person_would_write_it(kafka, things):
    whole, flat = [changes[0] for changes in await follow(kafka, things)]
    written = {name: text for name, (_, _, text) in SMALL.items()}
    assert small(whole) == written
    assert small(flat) == written | AS_THEY_ARE
    for first in (whole, flat):
        assert (first.document.id, first.time, first.order) == ("thing-1", None, None), "from a snapshot"


async def test_large_values_that_did_not_change_are_known_as_such_in_every_type(kafka, things):
    for first, *_, last in await follow(kafka, things, "UPDATE things SET n = 2 WHERE id = 1"):
        assert isinstance(last.document, Incomplete)
        assert set(last.document.lacking) == set(LARGE)
        filled = last.document.fill(first.row)
        assert filled.document.title == "2"
        assert filled.document.text == first.document.text
        assert "unavailable" not in str(filled)


async def test_changes_of_one_transaction_are_in_order_and_have_its_time(kafka, things):
    changes = [f"UPDATE things SET n = {n} WHERE id = 1" for n in (11, 12, 13)]
    whole, flat = await follow(kafka, things, *changes)
    for one in (whole[-3:], flat[-3:]):
        assert len({change.time for change in one}) == 1
        assert one[0].time > 0
        assert [change.order for change in one] == sorted({change.order for change in one})
    assert [(one.time, one.order) for one in whole[-3:]] == [(one.time, one.order) for one in flat[-3:]]
