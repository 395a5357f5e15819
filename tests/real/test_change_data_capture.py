"""A table of PostgreSQL, followed through Debezium and Kafka by a worker: the index equals the table.

What runs is what `docker-compose.yml` runs, from the same files. After each change `follows` compares: it
reads the table by SQL and the index by its ports.
"""

from __future__ import annotations

import asyncio
import os
import random
import re
from datetime import UTC, datetime

import httpx
import pytest
import pytest_asyncio
from aiokafka import AIOKafkaProducer

from streams.gateway.access import keys
from tests.bench.stub import stub
from tests.consoles import Gateway
from tests.following.postgresql import FollowingPostgres, composed_connect
from tests.following.suite import FollowingSuite, change_nothing, insert, running, sent_again
from tests.following.table import PAGE, PASSWORD
from tests.pages import block

pytestmark = [pytest.mark.timeout(300), pytest.mark.asyncio(loop_scope="module")]

FLATTENED = """
[[sources]]
topic = "cmsflat.public.pages"
format = "debezium"
id = "{slug}"
text = "{body}"
"""
"""The source of a table whose records another connector flattens."""
RESENDING = 8
"""Crashes of the connector until one comes before its offsets are written, as they are now and then."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cms(kafka, weaviate, postgres, new_connect, tmp_path_factory):
    """A table that a worker follows."""
    connect = new_connect(kafka, {"CDC_PASSWORD": PASSWORD}, **composed_connect())
    with stub(embed_ms=0.0) as ollama:
        folder = tmp_path_factory.mktemp("cms")
        following = FollowingPostgres(folder, kafka, weaviate, ollama, postgres, connect, FLATTENED)
        async with running(following):
            yield following


@pytest.fixture
def followed(cms):
    """What the suite asks for."""
    return cms


async def test_a_transaction_that_is_rolled_back_never_happened(cms):
    with cms.connected() as database:
        database.execute(insert(20, body="A ghost: ectoplasm."))
        database.rollback()
    await cms.follows()
    assert "ectoplasm" not in str(await cms.found("ectoplasm", "acme"))


async def test_the_slot_is_as_the_page_says(cms):
    slots = cms.sql(block(PAGE, "sql", "pg_replication_slots"))
    assert [slot[1:3] for slot in slots if slot[0] == cms.name] == [(True, "reserved")]


async def test_a_row_that_moves_to_another_tenant_is_found_there_and_there_only(cms):
    cms.sql(insert(40, org="globex", body="A secret of globex: oscilloscope."))
    await cms.follows()
    cms.sql("UPDATE articles SET org = 'initech' WHERE id = 40")
    await cms.follows()
    assert "oscilloscope" in str(await cms.found("oscilloscope", "initech"))
    assert "oscilloscope" not in str(await cms.found("oscilloscope", "globex"))
    cms.sql("UPDATE articles SET org = 'globex', id = 41 WHERE id = 40")
    await cms.follows()
    assert "oscilloscope" not in str(await cms.found("oscilloscope", "initech"))
    assert "article-41" in await cms.found("oscilloscope", "globex")


async def test_who_may_read_a_row_no_more_finds_it_no_more(cms):
    cms.sql(insert(50, org="readers", body="For staff: periscope.", readers="{group:staff}"))
    await cms.follows()
    assert "article-50" in await cms.found("periscope", "readers", "group:staff")
    assert await cms.found("periscope", "readers", "group:press") == {}
    cms.sql("UPDATE articles SET readers = '{group:press}' WHERE id = 50")
    await cms.follows()
    assert await cms.found("periscope", "readers", "group:staff") == {}
    assert "article-50" in await cms.found("periscope", "readers", "group:press")


async def test_a_row_is_found_over_http_by_its_id_by_those_whom_it_is_for(cms, tmp_path):
    asking = {
        "staff": ("http", "group:staff"),
        "press": ("http", "group:press"),
        "moved": ("moved", "user:7"),
    }
    made = {
        name: keys.made(tenant=tenant, principals=[who], scopes=["read"], now=datetime.now(UTC))
        for name, (tenant, who) in asking.items()
    }
    keys.write(tmp_path / "keys.json", keys.KeyFile(keys=tuple(key for key, _ in made.values())))
    ours = {name: value for name, value in os.environ.items() if not name.startswith("STREAMS_")}
    gateway = Gateway(tmp_path, ours | cms.environ | {"STREAMS_API_KEYS_FILE": str(tmp_path / "keys.json")})
    try:
        await asyncio.to_thread(gateway.wait)
        async with httpx.AsyncClient(base_url=gateway.url, timeout=60, trust_env=False) as http:

            async def get(who, what="documents"):
                headers = {"Authorization": f"Bearer {made[who][1]}", "X-API-Version": "1"}
                answer = await http.get(f"/v1/{what}/article-55", headers=headers)
                return answer.status_code, answer.json()

            cms.sql(insert(55, org="http", body="Over HTTP: heliograph.", readers="{group:staff}"))
            await cms.follows()
            status, held = await get("staff")
            assert (status, held["title"], held["writable"]) == (200, "Row 55", False)
            assert held["source"]["topic"] == cms.topic
            status, past = await get("staff", "history")
            assert [(one["outcome"], one["source"]) for one in past["receipts"]] == [
                ("indexed", held["source"])
            ]
            for who in ("press", "moved"):
                assert [(await get(who, what))[0] for what in ("documents", "history")] == [404, 404]
            cms.sql("UPDATE articles SET org = 'moved', readers = '{user:7}' WHERE id = 55")
            await cms.follows()
            assert (await get("staff"))[0] == 404
            assert (await get("moved"))[1]["readers"] == ["user:7"]
            cms.sql("DELETE FROM articles WHERE id = 55")
            await cms.follows()
            assert (await get("moved"))[0] == 404
    finally:
        await asyncio.to_thread(gateway.stop)


def long_text(seed, words):
    """Text that no compression makes small enough to stay in its row."""
    chosen = random.Random(seed)
    return " ".join("".join(chosen.choices("abcdefghijklmnopqrstuvwxyz", k=9)) for _ in range(words))


async def test_a_large_value_that_an_update_leaves_alone_is_kept(cms):
    cms.sql(insert(60, title="Before", body=long_text(1, 2000), summary="Short"))
    await cms.follows()
    cms.sql("UPDATE articles SET title = 'After' WHERE id = 60")
    cms.sql("UPDATE articles SET summary = 'Shorter', readers = '{user:7}' WHERE id = 60")
    cms.sql("UPDATE articles SET org = 'globex' WHERE id = 60")
    await cms.follows()
    updates = [record.value for record in await cms.records() if b'"id":60' in (record.key or b"")][1:]
    assert len(updates) == 3
    assert all(b"__debezium_unavailable_value" in value for value in updates), "nothing was left out"
    assert "unavailable_value" not in str(await cms.index())


async def test_a_large_value_that_a_change_of_the_key_leaves_alone_is_kept(cms):
    cms.sql(*(insert(number, org="moved", body=long_text(number, 2000)) for number in range(61, 69)))
    await cms.follows()
    cms.sql("UPDATE articles SET id = id + 1000000 WHERE org = 'moved'")
    await cms.follows()
    moved = [one for one in await cms.records() if b'"id":10000' in (one.key or b"")]
    assert len(moved) == 8
    assert all(b"__debezium_unavailable_value" in one.value for one in moved), "nothing was left out"
    assert all(dict(one.headers)["__debezium.oldkey"] for one in moved), "nothing says where it was"
    assert len({one.partition for one in moved}) > 1


async def test_a_row_larger_than_kafkas_usual_limit_is_followed(cms):
    cms.sql(insert(70, org="large", body=long_text(2, 110_000)))
    await cms.follows()
    cms.sql("DELETE FROM articles WHERE id = 70")
    await cms.follows()


async def test_what_a_crashed_connector_sends_again_changes_nothing(cms):
    await cms.captured()
    cms.connect.past_snapshot(cms.name)
    for number in range(100, 100 + RESENDING):
        cms.sql(insert(number, org="again", body=f"First version: alpha{number}."))
        cms.sql(f"UPDATE articles SET body = 'Second version: beta{number}.' WHERE id = {number}")
        cms.sql(f"DELETE FROM articles WHERE id = {number - 1} AND org = 'again'")
        before = len(await cms.captured())
        cms.connect.kill()
        cms.sql(f"UPDATE articles SET title = 'Written while nobody listened' WHERE id = {number}")
        cms.connect.start()
        cms.connect.running(cms.name)
        await cms.follows()
        if repeated := sent_again(await cms.records(), in_the_log):
            break
    assert repeated, f"{RESENDING} crashes, and nothing of {before} records was sent again"
    await change_nothing(cms, repeated)


def in_the_log(said):
    """Where a change that was no snapshot's stands there."""
    if said.get("source", {}).get("snapshot") != "false":
        return None
    return said["source"]["lsn"], said["op"], str(said["before"]), str(said["after"])


async def test_what_a_lost_slot_did_not_tell_is_told_by_a_truncate_and_a_new_snapshot(cms):
    cms.sql(insert(400, org="lost", body="Deleted unseen: theta400."), insert(401, org="lost"))
    await cms.follows()
    cms.connect.stop_connector(cms.name)
    cms.sql("DELETE FROM articles WHERE id = 400", "UPDATE articles SET title = 'Unseen' WHERE id = 401")
    cms.sql(f"SELECT pg_drop_replication_slot('{cms.name}')")
    cms.connect.forget(cms.name)
    async with AIOKafkaProducer(bootstrap_servers=cms.kafka) as producer:
        await producer.send_and_wait(cms.topic, truncate_by_hand(cms))
    cms.connect.resume(cms.name)
    await cms.follows()
    assert "theta400" not in str(await cms.found("theta400", "lost"))


def truncate_by_hand(cms):
    """The record that the page has an operator write, as the database gives it."""
    written, producing = block(PAGE, "", "console-producer").split(" | ")
    assert producing.startswith("kafka-console-producer")
    statement = re.fullmatch(r'psql -d cms -AtX -c "(.*)"', written)[1]
    [[record]] = cms.sql(statement)
    return record.encode()


async def test_a_table_whose_records_are_flattened_is_followed_from_when_its_topic_comes(cms):
    cms.sql(
        "CREATE TABLE pages (id int PRIMARY KEY, slug text NOT NULL, body text NOT NULL)",
        "GRANT SELECT ON pages TO debezium",
        "CREATE PUBLICATION pages FOR TABLE pages",
        "INSERT INTO pages VALUES (1, 'one', 'Page one'), (2, 'two', 'Page two'), (3, 'three', 'Page three')",
    )
    flat = f"{cms.name}flat"
    shown = block(PAGE, "properties", "lsn").splitlines()
    unwrap = dict(line.split("=", 1) for line in shown)
    names = {"topic.prefix": flat, "slot.name": flat, "publication.name": "pages"}
    cms.connect.put(flat, cms.config() | names | {"table.include.list": "public.pages"} | unwrap)
    cms.sql(
        "UPDATE pages SET body = 'Page one: iota' WHERE id = 1",
        "DELETE FROM pages WHERE id = 2",
        "UPDATE pages SET id = 4, slug = 'four' WHERE id = 3",
    )
    await cms.holds(f"{flat}.public.pages", {"one": "Page one: iota", "four": "Page three"})
    cms.sql("DELETE FROM pages WHERE id = 1", "INSERT INTO pages VALUES (5, 'five', 'Page five')")
    await cms.holds(f"{flat}.public.pages", {"five": "Page five", "four": "Page three"})


class TestPostgres(FollowingSuite):
    pass
