"""A source topic that does not exist yet, as that of a table whose connector has written nothing."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import uuid

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from tests.bench.stub import stub
from tests.bench.workers import Worker

LIMIT_S = 60
SOURCES = """
[[sources]]
topic = "here"
[[sources]]
topic = "later"
"""


@pytest.fixture
def environ(new_kafka, tmp_path):
    """The settings of a worker that reads `here` and `later`, on a broker that makes any topic asked for."""
    kafka = new_kafka(**{"auto.create.topics.enable": "true"})
    (tmp_path / "sources.toml").write_text(SOURCES)
    with stub() as url:
        yield {
            "STREAMS_KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap,
            "STREAMS_STORE": "sqlite",
            "STREAMS_SQLITE_PATH": str(tmp_path / "index.db"),
            "STREAMS_OLLAMA_URL": url,
            "STREAMS_EMBED_MODEL": "stub-embed",
            "STREAMS_EMBED_DIMENSION": "384",
            "STREAMS_TOPIC_PARTITIONS": "2",
            "STREAMS_GROUP": f"awaits-{uuid.uuid4().hex[:6]}",
            "STREAMS_SOURCES": str(tmp_path / "sources.toml"),
        }


def command(environ, *arguments):
    """Runs `rag-streams`: its exit code, and its rows."""
    done = subprocess.run(
        [sys.executable, "-m", "streams", *arguments, "--json"],
        env=Worker(environ["folder"], environ["settings"]).environ,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


async def made(bootstrap, *topics):
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        if topics:
            await admin.create_topics([NewTopic(topic, 2, 1) for topic in topics])
        return {topic["topic"] for topic in await admin.describe_topics()}
    finally:
        await admin.close()


async def sent(bootstrap, topic, *ids):
    async with AIOKafkaProducer(bootstrap_servers=bootstrap) as producer:
        for one in ids:
            value = json.dumps({"id": one, "text": f"What there is to say of {one}."}).encode()
            await producer.send_and_wait(topic, value, f"default/{one}".encode())


async def indexed(bootstrap, *ids):
    """Returns when all of these have their receipts."""
    consumer = AIOKafkaConsumer(
        "documents.indexed", bootstrap_servers=bootstrap, auto_offset_reset="earliest"
    )
    wanted = set(ids)
    async with consumer, asyncio.timeout(LIMIT_S):
        async for message in consumer:
            receipt = json.loads(message.value)
            assert receipt["outcome"] == "indexed", receipt
            wanted.discard(receipt["document_id"])
            if not wanted:
                return


@pytest.mark.timeout(240)
async def test_workers_follow_the_sources_that_are_there_and_each_other_one_from_when_it_comes(
    environ, tmp_path
):
    bootstrap = environ["STREAMS_KAFKA_BOOTSTRAP_SERVERS"]
    told = {"folder": tmp_path, "settings": environ}
    await made(bootstrap, "here")
    code, rows = await asyncio.to_thread(command, told, "topics", "create")
    states = {row["topic"]: row["state"] for row in rows}
    assert (code, states["here"], states["later"], states["documents.indexed"]) == (
        0,
        "exists",
        "missing",
        "created",
    )
    assert (await asyncio.to_thread(command, told, "topics", "check"))[0] == 1

    workers = [Worker(tmp_path, environ, roles="index").start() for _ in range(2)]
    try:
        for worker in workers:
            await asyncio.to_thread(worker.ready)
        await sent(bootstrap, "here", "a", "b", "c", "d")
        await indexed(bootstrap, "a", "b", "c", "d")
        assert "later" not in await made(bootstrap), "a worker made a topic that is not its own"

        await made(bootstrap, "later")
        await sent(bootstrap, "later", "e", "f", "g", "h")
        await sent(bootstrap, "here", "i", "j")
        await indexed(bootstrap, *"abcdefghij")
        assert (await asyncio.to_thread(command, told, "topics", "check"))[0] == 0
        assert [await asyncio.to_thread(worker.stop) for worker in workers] == [0, 0]
    finally:
        for worker in workers:
            worker.kill()


@pytest.mark.timeout(120)
async def test_without_any_source_yet_a_worker_is_ready_and_stops_in_good_order(environ, tmp_path):
    bootstrap = environ["STREAMS_KAFKA_BOOTSTRAP_SERVERS"]
    code, _ = await asyncio.to_thread(command, {"folder": tmp_path, "settings": environ}, "topics", "create")
    assert code == 0
    worker = Worker(tmp_path, environ, roles="index").start()
    try:
        await asyncio.to_thread(worker.ready)
        assert "waiting for source topics that do not exist yet" in worker.log.read_text()
        assert not {"here", "later"} & await made(bootstrap)
        assert await asyncio.to_thread(worker.stop) == 0
    finally:
        worker.kill()
