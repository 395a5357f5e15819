"""Documents that would take all memory, or never end, sent to a real worker over a real broker.

Each is refused by its code; the document that comes after it in the same partition is indexed; and neither
the worker nor the processes that it reads documents in ever have more memory than they may.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
import uuid
import zlib
from contextlib import suppress
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from streams import settings as configuration
from streams.kafka import topics
from streams.wiring import connection, topic_plan
from tests.bench.index import stub
from tests.bench.workers import Worker
from tests.pdfs import encrypted, pdf

LIMIT_S = 400
MEGABYTE = 1024 * 1024
WIDE = 128 * MEGABYTE
WORKER_MB = 600
"""The worker holds a record of 50 MB as bytes, decompressed, and once more on its way; never what it says."""
READER_MB = 512


def change(id_, text, media_type="text/plain"):
    return json.dumps({"id": id_, "text": text, "media_type": media_type}).encode()


def html(body):
    return f"<html><body>{body}</body></html>"


ENTITIES = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
MANY_ATTRIBUTES = f"<p {' '.join(f'a{n}=b' for n in range(400_000))}>x"
UNPACKS = zlib.compress(b"(x) Tj\n" * 15_000_000)
HOSTILE = {
    "50-mb": (change("50-mb", "word " * 10_000_000), "too_large"),
    "unpacks": (change("unpacks", pdf("x", stream=UNPACKS), "application/pdf"), "too_large"),
    "nested": (change("nested", html("<div>" * 10_000 + "x"), "text/html"), "too_deep"),
    "slow": (change("slow", html(MANY_ATTRIBUTES), "text/html"), "too_slow"),
    "wide": (change("wide", html("a<br>" * 1_000_000), "text/html"), "too_large"),
    "locked": (change("locked", encrypted("x", user_password="hunter2"), "application/pdf"), "encrypted"),
    "images": (change("images", pdf(""), "application/pdf"), "no_text"),
    "broken": (change("broken", pdf("Bonjour")[:120], "application/pdf"), "unreadable"),
    "entities": (change("entities", f"<!DOCTYPE html [{ENTITIES}]>{html('<p>&l9;')}", "text/html"), None),
    "long": (change("long", "Some words of a long text.\n\n" * 200_000), None),
}
"""Each with the code that it is refused by; None: it only looks like more than it is."""


class Watch:
    """The most memory that the worker and its reading processes had, in MB."""

    def __init__(self, pid):
        self.worker = self.readers = 0.0
        self._pid, self._over = pid, threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()

    def _run(self):
        while not self._over.wait(0.05):
            self.worker = max(self.worker, resident_mb(self._pid))
            self.readers = max(self.readers, sum(map(resident_mb, children(self._pid))))


def children(pid):
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            found += map(int, task.read_text().split())
    return found


def resident_mb(pid):
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1]) / 1024
    return 0.0


@pytest.fixture
def worker(kafka, tmp_path, monkeypatch):
    """A worker on one partition, with SQLite and a stand-in for Ollama."""
    name = f"hostile-{uuid.uuid4().hex[:6]}"
    parts = ("CHANGES", "INDEXED", "DOCUMENTS_DEAD", "DOCUMENTS_RETRY", "QUESTIONS", "QUESTIONS_DEAD")
    parts += ("QUESTIONS_RETRY", "QUESTIONS_DONE", "ANSWERS")
    with stub(embed_ms=0, first_ms=1, token_ms=1, tokens=5) as url:
        environ = {
            "STREAMS_KAFKA_BOOTSTRAP_SERVERS": kafka,
            "STREAMS_STORE": "sqlite",
            "STREAMS_SQLITE_PATH": str(tmp_path / "index.db"),
            "STREAMS_OLLAMA_URL": url,
            "STREAMS_EMBED_MODEL": "all-minilm",
            "STREAMS_EMBED_DIMENSION": "384",
            "STREAMS_GENERATE_MODEL": "stub",
            "STREAMS_FALLBACK_MODEL": "stub",
            "STREAMS_TOPIC_PARTITIONS": "1",
            "STREAMS_GROUP": name,
            "STREAMS_PARSE_TIMEOUT_S": "3",
            "STREAMS_PARSE_MEMORY_MB": str(READER_MB),
            "STREAMS_PARSE_PROCESSES": "1",
            **{f"STREAMS_TOPIC_{one}": f"{name}.{one.lower()}" for one in parts},
        }
        for key, value in environ.items():
            monkeypatch.setenv(key, value)
        settings = configuration.load(env_file=None)
        asyncio.run(created(kafka, settings))
        one = Worker(tmp_path, environ, roles="index").start()
        try:
            yield one.ready(), settings
        finally:
            print(one.tail())
            one.stop()


async def created(kafka, settings):
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.create_topics(
        [NewTopic(settings.topic_changes, 1, 1, topic_configs={"max.message.bytes": str(WIDE)})]
    )
    await admin.close()
    await topics.create(connection(settings), topics.wanted(topic_plan(settings)))


async def sent(kafka, topic, values, **how):
    places = {}
    async with AIOKafkaProducer(bootstrap_servers=kafka, max_request_size=WIDE, **how) as producer:
        for id_, value in values.items():
            at = await producer.send_and_wait(topic, value, f"default/{id_}".encode())
            places[at.offset] = id_
    return places


async def receipts(kafka, topic, places):
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=kafka, auto_offset_reset="earliest")
    found, until = {}, time.monotonic() + LIMIT_S
    async with consumer:
        while not found.keys() >= places.keys():
            assert time.monotonic() < until, f"no receipt: {[places[at] for at in places if at not in found]}"
            for messages in (await consumer.getmany(timeout_ms=200)).values():
                for receipt in (json.loads(message.value) for message in messages):
                    found[receipt["source"]["offset"]] = receipt
    return found


def outcomes(settings, values, **how):
    async def run():
        places = await sent(settings.kafka, settings.topic_changes, values, **how)
        found = await receipts(settings.kafka, settings.topic_indexed, places)
        return {id_: found[offset] for offset, id_ in places.items()}

    return asyncio.run(run())


@pytest.mark.timeout(600)
def test_each_hostile_document_is_refused_by_its_code_in_bounded_memory_and_holds_up_no_other(worker):
    process, settings = worker
    values = {}
    for id_, (value, _) in HOSTILE.items():
        values |= {id_: value, f"after-{id_}": change(f"after-{id_}", f"Bonjour after {id_}.")}
    with Watch(process.process.pid) as most:
        found = outcomes(settings, values)
    for id_, (_, code) in HOSTILE.items():
        expected = ("dead", code) if code else ("indexed", None)
        assert (found[id_]["outcome"], found[id_]["reason"]) == expected, id_
        assert found[f"after-{id_}"]["outcome"] == "indexed"
    print(f"worker {most.worker:.0f} MB, reading processes {most.readers:.0f} MB")
    assert most.worker < WORKER_MB
    assert 0 < most.readers < READER_MB
    assert process.process.poll() is None


@pytest.mark.timeout(600)
def test_a_record_that_kafka_carries_compressed_is_refused_by_the_size_that_it_unpacks_to(worker):
    process, settings = worker
    bomb = change("bomb", "a" * 50_000_000)
    began = time.monotonic()
    with Watch(process.process.pid) as most:
        found = outcomes(settings, {"bomb": bomb, "after": change("after", "x")}, compression_type="gzip")
    assert (found["bomb"]["outcome"], found["bomb"]["reason"]) == ("dead", "too_large")
    assert found["after"]["outcome"] == "indexed"
    print(f"worker {most.worker:.0f} MB, {time.monotonic() - began:.0f} s")
    assert most.worker < WORKER_MB
