"""A table of MariaDB, followed through Debezium and Kafka by a worker: the index equals the table.

As `test_change_data_capture` does with PostgreSQL. MariaDB's own are a log in files, whose positions begin
anew in each; times of whole seconds, when a statement began; and whole rows.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaConsumer

from streams.messages.records import Record
from streams.sources import Source, decode
from tests.bench.stub import stub
from tests.following import PASSWORD
from tests.following_mariadb import FollowingMariaDb
from tests.pages import block

pytestmark = [pytest.mark.timeout(300), pytest.mark.asyncio(loop_scope="module")]

PAGE = "how-to/follow-a-database.md"
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
    """A table that a worker follows; three rows were there before the connector."""
    connect = new_connect(kafka, {"CDC_PASSWORD": PASSWORD}, ["debezium-mariadb"], **ENVIRONMENT)
    with stub(embed_ms=0.0) as ollama, pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("shop")
        following = FollowingMariaDb(folder, kafka, weaviate, ollama, mariadb, connect, FLATTENED)
        await following.open(patch.setenv)
        following.worker.start()
        following.sql(
            *(insert(number, body=f"Was there before the connector: early{number}.") for number in (1, 2, 3))
        )
        following.sql(*others())
        connect.put(following.name, following.config(None, "articles", "things"))
        flat, unwrap = f"{following.name}flat", block(PAGE, "properties", "file,pos,row").splitlines()
        flattening = dict(line.split("=", 1) for line in unwrap)
        connect.put(flat, following.config(flat, "parts", "things", **SCHEMAS) | flattening)
        yield following
        code = await asyncio.to_thread(following.worker.stop)
        await following.close()
        assert code == 0


def others():
    """Two more tables."""
    columns = ", ".join(f"{name} {kind}" for name, (kind, *_) in TYPES.items())
    yield "CREATE TABLE parts (page varchar(20), n int, body text NOT NULL, PRIMARY KEY (page, n))"
    yield "INSERT INTO parts VALUES ('a', 1, 'Part a1'), ('a', 2, 'Part a2'), ('b', 1, 'Part b1')"
    yield f"CREATE TABLE things (id bigint unsigned PRIMARY KEY, {columns})"
    yield "SET sql_mode = '', time_zone = '+00:00'"
    yield f"INSERT INTO things VALUES (18446744073709551615, {', '.join(one[1] for one in TYPES.values())})"
    yield from (f"GRANT SELECT ON {table} TO debezium" for table in ("parts", "things"))


def quoted(value):
    return "NULL" if value is None else "'" + str(value).replace("'", "''") + "'"


def insert(number, **columns):
    """A row; what is not given is made up."""
    row = {"org": "acme", "slug": f"s{number}", "title": f"Row {number}", "body": f"Text of {number}."}
    row = {"id": number} | row | columns
    return f"INSERT INTO articles ({', '.join(row)}) VALUES ({', '.join(map(quoted, row.values()))})"


async def test_the_rows_that_were_there_before_the_connector_are_found(shop):
    await shop.follows()
    assert "early2" in (await shop.found("early2", "acme"))["article-2"]


async def test_inserts_updates_deletes_and_moves_are_followed(shop):
    shop.sql(
        insert(
            10, title="It's a title: ünïcödé 🥝", summary="In short", body="The first kiwi.", author="Ada"
        ),
        insert(11, body="The second kiwi.", readers='["group:staff", "user:7"]'),
        insert(12, body="The third kiwi: zanzibar."),
        insert(13, body="Never committed alone: quetzal."),
        insert(14, org="globex", body="A secret of globex: oscilloscope."),
    )
    await shop.follows()
    shop.sql(
        "UPDATE articles SET body = 'A mango now.', summary = NULL WHERE id = 10",
        "DELETE FROM articles WHERE id IN (12, 13)",
        insert(13, body="Deleted and made again in one transaction: phoenix."),
        "UPDATE articles SET org = 'initech', readers = '[\"group:press\"]' WHERE id = 14",
        "REPLACE INTO articles (id, org, slug, title, body) VALUES (11, 'acme', 's', 'Replaced', 'A plum.')",
    )
    await shop.follows()
    assert "zanzibar" not in str(await shop.found("zanzibar third kiwi", "acme"))
    assert "oscilloscope" not in str(await shop.found("oscilloscope", "globex"))
    assert "oscilloscope" in str(await shop.found("oscilloscope", "initech", "group:press"))


async def test_a_row_that_gets_another_key_leaves_nothing_behind(shop):
    shop.sql(insert(30, body="Of the old key."), insert(31, body="Swaps: thirtyone."))
    shop.sql(insert(32, body="Swaps: thirtytwo."))
    await shop.follows()
    shop.sql("UPDATE articles SET id = 33, body = 'Of the new key.' WHERE id = 30")
    shop.sql(
        "UPDATE articles SET id = -31 WHERE id = 31",
        "UPDATE articles SET id = 31 WHERE id = 32",
        "UPDATE articles SET id = 32 WHERE id = -31",
    )
    await shop.follows()
    assert "Of the old key" not in str(await shop.found("old key", "acme"))
    assert "thirtytwo" in (await shop.found("thirtytwo", "acme"))["article-31"]


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
        while len(repeated := sent_again(await shop.records())) < 4:
            pass
    outcomes = Counter(receipt.outcome for receipt in (await shop.receipts(repeated)).values())
    assert set(outcomes) <= {"ignored", "unchanged"}, outcomes


def sent_again(records):
    """The records of changes that are on the topic already, by where they stand in the database's log."""
    seen, again = set(), []
    for record in sorted(records, key=lambda one: (one.partition, one.offset)):
        said = json.loads(record.value) if record.value else {}
        at = said.get("source", {})
        if said.get("op") in {"c", "u", "d"}:
            place = (at["file"], at["pos"], at["row"], said["op"], str(said["after"]))
            again += [record] if place in seen else []
            seen.add(place)
    return again


async def test_a_snapshot_on_demand_while_changes_go_on_changes_nothing(shop):
    shop.sql(block(PAGE, "sql", "shop.articles").replace("shop", shop.name))
    for number in range(200, 230):
        shop.sql(
            insert(number, org="meanwhile", body=f"Written during a snapshot: gamma{number}."),
            f"DELETE FROM articles WHERE id = {number - 2} AND org = 'meanwhile'",
            f"UPDATE articles SET title = concat(title, '!') WHERE id = {number - 1} AND org = 'meanwhile'",
        )
        await asyncio.sleep(0.02)
    async with asyncio.timeout(120):
        while not any(b'"snapshot":"incremental"' in (one.value or b"") for one in await shop.records()):
            pass
    await shop.follows()
    assert "gamma205" not in str(await shop.found("gamma205", "meanwhile"))


async def test_a_new_snapshot_of_everything_changes_nothing(shop):
    before = len(await shop.captured())
    shop.connect.forget(shop.name)
    shop.sql("UPDATE articles SET title = 'Between two snapshots' WHERE id = 10")
    shop.connect.resume(shop.name)
    async with asyncio.timeout(120):
        while len(read_again(await shop.records(), before)) < len(shop.table()):
            pass
    await shop.follows()


def read_again(records, since):
    """Those that a snapshot read, since there were so many."""
    return [one for one in records[since:] if b'"op":"r"' in (one.value or b"")]


async def test_a_transaction_of_a_thousand_rows_is_followed(shop):
    shop.sql(
        "INSERT INTO articles (id, org, slug, title, body) SELECT seq, 'many', concat('s', seq),"
        " concat('Row ', seq), concat('Text number ', seq) FROM seq_1001_to_2000",
        "UPDATE articles SET body = concat(body, ' again') WHERE org = 'many' AND id % 2 = 0",
        "DELETE FROM articles WHERE org = 'many' AND id % 5 = 0",
        "UPDATE articles SET id = id + 1000 WHERE org = 'many' AND id % 100 = 1",
    )
    await shop.follows()
    assert len([one for one in (await shop.index()).values() if one["tenant"] == "many"]) == 800


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


async def test_a_truncated_table_is_an_empty_index_until_rows_come_again(shop):
    shop.sql(insert(300, org="emptied", body="Before the truncate: delta300."))
    await shop.follows()
    shop.sql("TRUNCATE articles")
    await shop.follows()
    assert set(await shop.index()) == {"article--1"}
    assert await shop.found("delta300", "emptied") == {}
    shop.sql(insert(300, org="emptied", body="After the truncate: epsilon300."), "TRUNCATE articles")
    shop.sql("TRUNCATE articles", insert(301, org="emptied", body="Right behind it: zeta301."))
    shop.sql(insert(302, org="emptied", body="After it: eta302."))
    await shop.follows()
    assert set(await shop.found("epsilon300 zeta301 eta302", "emptied")) == {"article-301", "article-302"}


async def test_every_record_has_one_outcome_and_none_is_dead(shop):
    records = await shop.captured()
    receipts = await shop.receipts(records)
    outcomes = Counter((receipt.outcome, receipt.reason) for receipt in receipts.values())
    assert not [outcome for outcome in outcomes if outcome[0] == "dead"], outcomes
