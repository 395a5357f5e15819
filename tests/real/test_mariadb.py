"""A table of MariaDB, followed through Debezium and Kafka by a worker: the index equals the table.

MariaDB's own are a log in files, whose positions begin
anew in each; times of whole seconds, when a statement began; and whole rows.
"""

from __future__ import annotations

import asyncio
import json

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaConsumer

from streams.messages.records import Record
from streams.sources import Source, decode
from tests.bench.stub import stub
from tests.following.mariadb import FollowingMariaDb
from tests.following.suite import FollowingSuite, change_nothing, insert, running, sent_again
from tests.following.table import PAGE, PASSWORD
from tests.pages import block

pytestmark = [pytest.mark.timeout(300), pytest.mark.asyncio(loop_scope="module")]

FLATTENED = """
[[sources]]
topic = "shopflat.shop.parts"
format = "debezium"
id = "{page}-{n}"
text = "{body}"
"""
"""The source of a table with a key of two columns, whose records another connector flattens."""
ENVIRONMENT = {
    "offset.flush.interval.ms": "5000",
    "config.providers": "env",
    "config.providers.env.class": "org.apache.kafka.common.config.provider.EnvVarConfigProvider",
}
SCHEMAS = {
    **{f"{part}_converter_schemas_enable": "true" for part in ("key", "value")},
    "time_precision_mode": "adaptive_time_microseconds",
    "decimal_handling_mode": "precise",
    "bigint_unsigned_handling_mode": "precise",
}
"""What the connector that flattens has besides: numbers and bytes, of which a schema says what they are."""
TYPES = {
    "big": ("bigint unsigned", "18446744073709551615", "18446744073709551615", "-1"),
    "price": ("decimal(10,2)", "'1234.50'", "1234.50"),
    "ratio": ("double", "0.1", "0.1"),
    "yes": ("boolean", "true", "1"),
    "day": ("date", "'2026-11-22'", "2026-11-22", "2026-11-22Z"),
    "clock": ("time(2)", "'10:00:00.25'", "10:00:00.25", "10:00:00.25Z"),
    "hours": ("time", "'-838:59:59'", "-838:59:59", ""),
    "at": (
        "datetime(6)", "'2026-11-22 10:00:00.123456'",
        "2026-11-22T10:00:00.123456", "2026-11-22T10:00:00.123456Z",
    ),
    "zoned": ("timestamp(1) NULL", "'2026-11-22 10:00:00.5'", "2026-11-22T10:00:00.5Z"),
    "year": ("year", "2026", "2026"),
    "kind": ("enum('red', 'it''s')", "'it''s'", "it's"),
    "tags": ("set('x', 'y', 'z')", "'x,z'", "x,z"),
    "flags": ("bit(5)", "b'10010'", "10010", "Eg=="),
    "one": ("bit(1)", "b'1'", "true"),
    "doc": ("json", """'{"a": [1, "b"]}'""", '{"a": [1, "b"]}'),
    "raw": ("varbinary(20)", "x'00ff'", "AP8="),
    "latin": ("varchar(20) CHARACTER SET latin1", "'déjà'", "déjà"),
    "uid": ("uuid", "'5f8a1c2e-3b4d-4e6f-8a9b-1c2d3e4f5a6b'", "5f8a1c2e-3b4d-4e6f-8a9b-1c2d3e4f5a6b"),
    "place": (
        "point", "ST_GeomFromText('POINT(1.5 -2)')", "POINT (1.5 -2.0)",
        '{"x":1.5,"y":-2.0,"wkb":"AQEAAAAAAAAAAAD4PwAAAAAAAADA","srid":null}',
    ),
    "never": ("date", "'0000-00-00'", ""),
    "never_null": ("date NOT NULL", "'0000-00-00'", "1970-01-01", "1970-01-01Z"),
}  # fmt: skip
"""Columns: type, what is written, what a template gives with a schema, and without one where that differs."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shop(kafka, weaviate, mariadb, new_connect, tmp_path_factory):
    """A table that a worker follows, and two more."""
    connect = new_connect(kafka, {"CDC_PASSWORD": PASSWORD}, ["debezium-mariadb"], **ENVIRONMENT)
    with stub(embed_ms=0.0) as ollama:
        folder = tmp_path_factory.mktemp("shop")
        following = FollowingMariaDb(folder, kafka, weaviate, ollama, mariadb, connect, FLATTENED)
        following.sql(*others())
        async with running(following, tables=("articles", "things")):
            flat, unwrap = f"{following.name}flat", block(PAGE, "properties", "file,pos,row").splitlines()
            flattening = dict(line.split("=", 1) for line in unwrap)
            config = following.config(prefix=flat, tables=("parts", "things"), **SCHEMAS)
            connect.put(flat, config | flattening)
            yield following


@pytest.fixture
def followed(shop):
    """What the suite asks for."""
    return shop


def others():
    """Two more tables."""
    columns = ", ".join(f"{name} {kind}" for name, (kind, *_) in TYPES.items())
    yield "CREATE TABLE parts (page varchar(20), n int, body text NOT NULL, PRIMARY KEY (page, n))"
    yield "INSERT INTO parts VALUES ('a', 1, 'Part a1'), ('a', 2, 'Part a2'), ('b', 1, 'Part b1')"
    yield f"CREATE TABLE things (id bigint unsigned PRIMARY KEY, {columns})"
    yield "SET sql_mode = '', time_zone = '+00:00'"
    yield f"INSERT INTO things VALUES (18446744073709551615, {', '.join(one[1] for one in TYPES.values())})"
    yield from (f"GRANT SELECT ON {table} TO debezium" for table in ("parts", "things"))


async def test_a_row_that_is_replaced_and_one_that_moves_with_its_readers_are_followed(shop):
    shop.sql(insert(14, org="globex", body="A secret of globex: oscilloscope."), insert(15))
    await shop.follows()
    shop.sql(
        "UPDATE articles SET org = 'initech', readers = '[\"group:press\"]' WHERE id = 14",
        "REPLACE INTO articles (id, org, slug, title, body) VALUES (15, 'acme', 's', 'Replaced', 'A plum.')",
    )
    await shop.follows()
    assert "oscilloscope" not in str(await shop.found("oscilloscope", "globex"))
    assert "oscilloscope" in str(await shop.found("oscilloscope", "initech", "group:press"))


async def test_changes_of_one_second_in_several_files_of_the_log_are_in_order(shop):
    shop.sql(insert(40, body="Version 0."))
    for version in range(1, 5):
        shop.sql(f"UPDATE articles SET body = 'Version {version}.' WHERE id = 40")
        shop.server.sql("FLUSH BINARY LOGS")
    shop.sql(insert(41), "DELETE FROM articles WHERE id = 41")
    await shop.follows()
    said = [json.loads(one.value) for one in await shop.records() if b'"id":40' in (one.key or b"")]
    assert len({one["source"]["file"] for one in said}) > 3
    assert "Version 4" in str(await shop.found("Version", "acme"))


async def test_a_large_text_is_followed_whatever_else_of_its_row_changes(shop):
    large = " ".join(f"word{number}" for number in range(15_000))
    shop.sql(insert(60, org="large", title="Before", body=large))
    await shop.follows()
    shop.sql("UPDATE articles SET title = 'After' WHERE id = 60")
    shop.sql("UPDATE articles SET id = 61, summary = 'Moved' WHERE id = 60")
    await shop.follows()
    shop.sql("DELETE FROM articles WHERE id = 61")
    await shop.follows()


async def test_a_statement_that_began_first_and_came_last_counts_last(shop):
    shop.sql(insert(70), insert(71, body="Before both."))
    with shop.session() as holding, shop.session() as long:
        holding("BEGIN", "SELECT id FROM articles WHERE id = 70 FOR UPDATE")
        long.begin("UPDATE articles SET body = 'Of the long statement.' WHERE id IN (70, 71)")
        await asyncio.sleep(1.1)
        shop.sql("UPDATE articles SET body = 'Of the short statement.' WHERE id = 71")
        holding("COMMIT")
        long("SELECT 1")
    await shop.follows()
    assert "Of the long statement" in (await shop.found("statement", "acme"))["article-71"]


async def test_what_a_crashed_connector_sends_again_changes_nothing(shop):
    await shop.captured()
    shop.connect.past_snapshot(shop.name)
    written = shop.connect.offsets(shop.name)
    shop.sql(
        insert(100, org="again", body="First version: alpha100."),
        insert(101, org="again", body="Deleted."),
        "UPDATE articles SET body = 'Second version: beta100.' WHERE id = 100",
        "DELETE FROM articles WHERE id = 101",
    )
    await shop.captured()
    shop.connect.kill()
    shop.sql("UPDATE articles SET title = 'Written while nobody listened' WHERE id = 100")
    shop.connect.start()
    shop.connect.running(shop.name)
    await shop.follows()
    # As after a crash that came before its offsets were written, which one that is real may do or not.
    shop.connect.rewind(shop.name, written)
    shop.connect.resume(shop.name)
    await shop.follows()
    async with asyncio.timeout(120):
        while len(repeated := sent_again(await shop.records(), in_the_log)) < 4:
            pass
    await change_nothing(shop, repeated)


def in_the_log(said):
    """Where a change that was no snapshot's stands there."""
    if said.get("op") not in {"c", "u", "d"}:
        return None
    at = said["source"]
    return at["file"], at["pos"], at["row"], said["op"], str(said["after"])


async def test_a_table_with_a_key_of_two_columns_is_followed_flattened(shop):
    topic = f"{shop.name}flat.{shop.name}.parts"
    await shop.holds(topic, {"a-1": "Part a1", "a-2": "Part a2", "b-1": "Part b1"})
    shop.sql(
        "UPDATE parts SET body = 'Part a1: iota' WHERE page = 'a' AND n = 1",
        "DELETE FROM parts WHERE page = 'a' AND n = 2",
        "UPDATE parts SET n = 3 WHERE page = 'b'",
    )
    await shop.holds(topic, {"a-1": "Part a1: iota", "b-3": "Part b1"})
    shop.sql("DELETE FROM parts WHERE page = 'a'", "INSERT INTO parts VALUES ('c', 1, 'Part c1')")
    await shop.holds(topic, {"c-1": "Part c1", "b-3": "Part b1"})


async def test_every_type_reads_as_a_person_would_write_it(shop):
    names = [f"{name}?" for name in TYPES]
    template = "\n".join(f"{{{name}}}" for name in names)
    for prefix, column in ((f"{shop.name}flat", 2), (shop.name, 3)):
        topic = f"{prefix}.{shop.name}.things"
        source = Source(topic, "debezium", id="{id}", text=template)
        record = await first(shop.kafka, topic)
        (change,) = decode(source, record, max_bytes=10_000_000)
        expected = {name: one[min(column, len(one) - 1)] for name, one in TYPES.items()}
        assert dict(zip(TYPES, change.document.text.split("\n"), strict=True)) == expected
        assert change.document.id == expected["big"]


async def first(kafka, topic):
    """A topic's first record."""
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=kafka, auto_offset_reset="earliest")
    async with consumer, asyncio.timeout(60):
        one = await consumer.getone()
    at = (one.topic, one.partition, one.offset, one.timestamp)
    return Record(*at, one.key, one.value, tuple(one.headers))


class TestMariaDb(FollowingSuite):
    pass
