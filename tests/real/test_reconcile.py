"""`rag-streams reconcile` on real servers: planted damage is found, named, mended; load brings none."""

import asyncio
import json
import os
import random
import subprocess
import sys
import time
import uuid
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from aiokafka import AIOKafkaProducer

from streams import settings as configuration
from streams import sources
from streams.kafka import topics
from streams.kafka.watermarks import CommittedOffsets
from streams.messages.changes import document_key
from streams.messages.held import current
from streams.messages.records import Record
from streams.wiring import connection, read_topics, topic_plan
from streams.worker.parts import open_store
from tests.apart import apart, weaviate_settings
from tests.bench.index import stub
from tests.bench.workers import Worker
from tests.checker import replay

TENANTS = ("acme", "bolt")


class Site:
    """Topics and an index of their own, a worker that is started when it is wanted, and the command."""

    def __init__(self, folder: Path, kafka: str, url: str, monkeypatch, store: dict[str, str]) -> None:
        self.folder, self.name = folder, f"reconcile-{uuid.uuid4().hex[:6]}"
        self.environ = {
            "STREAMS_KAFKA_BOOTSTRAP_SERVERS": kafka,
            "STREAMS_OLLAMA_URL": url,
            "STREAMS_EMBED_MODEL": "stub-embed",
            "STREAMS_EMBED_DIMENSION": "384",
            "STREAMS_GENERATE_MODEL": "stub",
            "STREAMS_FALLBACK_MODEL": "stub",
            "STREAMS_TOPIC_PARTITIONS": "3",
            **apart(self.name),
            **store,
        }
        for name, value in self.environ.items():
            monkeypatch.setenv(name, value)
        self.settings = configuration.load(env_file=None)
        self.worker = Worker(folder, self.environ, roles="index")
        self.topic = self.settings.topic_changes
        self.sent: list[Record] = []

    async def create(self) -> None:
        await topics.create(connection(self.settings), topics.wanted(topic_plan(self.settings)))

    @asynccontextmanager
    async def producing(self):
        producer = AIOKafkaProducer(bootstrap_servers=self.settings.kafka, linger_ms=5)
        async with producer:

            async def put(tenant, name, text):
                """Sends a document, or, with no text, its deletion."""
                said = {"id": name, "op": "delete"} if text is None else {"id": name, "text": text}
                key, value = f"{tenant}/{name}".encode(), json.dumps(said).encode()
                at = await producer.send_and_wait(self.topic, value, key)
                self.sent.append(Record(self.topic, at.partition, at.offset, at.timestamp, key, value))

            yield put

    async def transaction(self, tenant, name, text) -> Record:
        """Sends a document in a transaction of its own."""
        key, value = f"{tenant}/{name}".encode(), json.dumps({"id": name, "text": text}).encode()
        producer = AIOKafkaProducer(bootstrap_servers=self.settings.kafka, transactional_id=self.name)
        async with producer, producer.transaction():
            at = await producer.send_and_wait(self.topic, value, key)
        self.sent.append(Record(self.topic, at.partition, at.offset, at.timestamp, key, value))
        return self.sent[-1]

    async def consumed(self) -> None:
        """Returns once the worker has dealt with all that was sent."""
        last = {record.partition: record.at for record in sorted(self.sent, key=lambda one: one.offset)}
        committed = CommittedOffsets(connection(self.settings), f"{self.name}-index", [self.topic])
        try:
            assert await committed.wait_for(list(last.values()), time.monotonic() + 90)
        finally:
            await committed.close()

    def key(self, tenant, name):
        return document_key(self.topic, f"{tenant}/{name}")

    async def command(self, *options):
        """The command, under way."""
        command = [sys.executable, "-m", "streams", "reconcile", "--json", *options]
        return await asyncio.create_subprocess_exec(
            *command, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    @property
    def environment(self):
        """A process's own."""
        environ = {name: value for name, value in os.environ.items() if not name.startswith("STREAMS_")}
        return environ | self.environ

    async def told(self):
        """When the index was last clean, as the worker's metrics say it."""
        async with httpx.AsyncClient() as client:
            text = (await client.get(f"http://127.0.0.1:{self.worker.port}/metrics")).text
        name = f'streams_reconcile_last_clean_timestamp_seconds{{source="{self.topic}"}} '
        return next((float(line.split()[1]) for line in text.splitlines() if line.startswith(name)), None)

    async def reconcile(self, *options, code=0):
        """What the command prints, as objects; it must end with `code`."""
        process = await self.command(*options)
        out, err = await process.communicate()
        assert process.returncode == code, "\n".join((*out.decode().splitlines(), *err.decode().splitlines()))
        return [json.loads(line) for line in out.splitlines()]

    async def wrong(self):
        """Documents that are not as a pure replay has them."""
        changes = [
            change
            for record in self.sent
            for change in sources.decode(read_topics(self.settings).sources[0], record, max_bytes=1 << 20)
        ]
        store = await open_store(self.settings)
        try:
            wanted = replay(changes)
            heads = await store.heads(list(wanted))
            return [
                change.record_key
                for key, change in wanted.items()
                if (head := current(heads.get(key, ()))) is None
                or (head.deleted, head.offset) != (change.document is None, change.at.offset)
                or len(await store.present(head.tenant or "none", [one.id for one in head.passages]))
                != len(head.passages)
            ]
        finally:
            await store.close()


@pytest.fixture(params=["weaviate", "sqlite"])
async def site(request, kafka, tmp_path, monkeypatch):
    if request.param == "sqlite":
        store = {"STREAMS_STORE": "sqlite", "STREAMS_SQLITE_PATH": str(tmp_path / "index.db")}
    else:
        server = request.getfixturevalue("weaviate_server")
        store = weaviate_settings(server)
    with stub(embed_ms=0) as url:
        one = Site(tmp_path, kafka, url, monkeypatch, store)
        await one.create()
        await asyncio.to_thread(one.worker.start().ready)
        yield one
        assert await asyncio.to_thread(one.worker.stop) == 0


def findings(rows):
    return sorted((row["finding"], row["tenant"], row["document_id"]) for row in rows if "finding" in row)


async def plant(site, store):
    """One of every kind of damage; gives what is to be found."""
    names = ["stale", "gone", "missing", "damaged", "sound"]
    keys = {name: site.key("acme", name) for name in names}
    before = await store.heads(list(keys.values()))
    async with site.producing() as put:
        await put("acme", "stale", "the second text")
        await put("acme", "gone", None)
        await put("bolt", "refused", "\x00")
    last = await site.transaction("acme", "sound", "the last text of sound")
    await site.consumed()
    after = await store.heads(list(keys.values()))
    for name in ("stale", "gone", "missing"):
        await store.delete_heads({keys[name]: [head.position for head in after[keys[name]]]})
    await store.write_heads([current(before[keys[name]]) for name in ("stale", "gone")])
    damaged = current(before[keys["damaged"]])
    await store.delete_passages("acme", [damaged.passages[0].id])
    sound = current(after[keys["sound"]])
    # Where the transaction ends is a place that no record has, as after compaction.
    ghost = replace(
        sound, document_key=site.key("acme", "ghost"), record_key="acme/ghost", document_id="ghost",
        offset=last.offset + 1, position=sound.position._replace(offset=last.offset + 1),
    )  # fmt: skip
    await store.write_heads([ghost])
    return [("damaged", "acme", "damaged"), ("missing", "acme", "missing"), ("orphaned", "acme", "ghost"),
            ("resurrected", "acme", "gone"), ("stale", "acme", "stale")]  # fmt: skip


@pytest.mark.timeout(300)
async def test_every_kind_of_damage_is_found_named_mended_and_then_there_is_none(site):
    async with site.producing() as put:
        for name in ("stale", "gone", "missing", "damaged", "sound"):
            for tenant in TENANTS:
                await put(tenant, name, f"the first text of {name}\n\nand its second paragraph")
    await site.consumed()
    assert findings(await site.reconcile()) == []

    store = await open_store(site.settings)
    try:
        planted = await plant(site, store)
    finally:
        await store.close()

    rows = await site.reconcile(code=1)
    assert findings(rows) == planted
    assert {(row["source"], row["tenant"]): row["documents"] for row in rows if "documents" in row} == {
        (site.topic, "acme"): 5,
        (site.topic, "bolt"): 6,
    }
    assert findings(await site.reconcile("--tenant", "bolt")) == []
    assert findings(await site.reconcile("--limit", "0", code=1)) == []

    rows = await site.reconcile("--repair")
    assert findings(rows) == planted
    assert rows[-1]["clean"]
    assert findings(await site.reconcile()) == []
    assert await site.wrong() == []
    store = await open_store(site.settings)
    try:
        ghost = site.key("acme", "ghost")
        assert current((await store.heads([ghost]))[ghost]).deleted
    finally:
        await store.close()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("site", ["sqlite"], indirect=True)
async def test_a_repair_that_would_delete_most_documents_mends_nothing_unless_it_is_told_to(site):
    names = [f"doc-{number}" for number in range(25)]
    keys = [site.key("acme", name) for name in names]
    async with site.producing() as put:
        for name in [*names, "sound"]:
            await put("acme", name, f"the text of {name}")
        await site.consumed()
        store = await open_store(site.settings)
        try:
            before = await store.heads(keys)
            for name in names:
                await put("acme", name, None)
            await site.consumed()
            after = await store.heads(keys)
            await store.delete_heads({key: [head.position for head in after[key]] for key in keys})
            await store.write_heads([current(before[key]) for key in keys])
        finally:
            await store.close()
    rows = await site.reconcile("--repair", code=1)
    refused = [row for row in rows if "refused" in row]
    assert refused == [{"refused": "too_many_deletions", "source": site.topic, "deletions": 25, "of": 26}]
    assert (await site.reconcile(code=1))[-1]["resurrected"] == 25
    assert (await site.reconcile("--repair", "--most-deletions", "1"))[-1]["clean"]
    assert await site.wrong() == []


@pytest.mark.timeout(300)
async def test_beside_a_worker_under_load_nothing_is_found(site):
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    chance, stop = random.Random(seed), asyncio.Event()

    async def load():
        async with site.producing() as put:
            while not stop.is_set():
                name = f"doc-{chance.randrange(60)}"
                text = None if chance.random() < 0.2 else f"text {chance.random()}\n\nof {name}"
                await put(chance.choice(TENANTS), name, text)
                await asyncio.sleep(0.005)

    loading = asyncio.create_task(load())
    try:
        for _ in range(4):
            rows = await site.reconcile()
            assert findings(rows) == []
            assert rows[-1]["clean"]
    finally:
        stop.set()
        await loading
    await site.consumed()
    assert await site.wrong() == []


@pytest.mark.timeout(600)
@pytest.mark.parametrize("site", ["sqlite"], indirect=True)
async def test_its_memory_does_not_grow_with_the_topic(site):
    """200,000 records of 20,000 documents, none of which is in the index yet."""
    assert await asyncio.to_thread(site.worker.stop) == 0
    producer = AIOKafkaProducer(bootstrap_servers=site.settings.kafka, linger_ms=50, max_batch_size=1 << 18)
    async with producer:
        for number in range(200_000):
            name = f"doc-{number % 20_000}"
            value = json.dumps({"id": name, "text": f"the text {number} of {name}"}).encode()
            sent = await producer.send(site.topic, value, f"acme/{name}".encode())
        await sent
    resident = []
    process = await site.command("--wait", "0")
    ending = asyncio.create_task(process.communicate())
    while not ending.done():
        resident.append(resident_mb(process.pid))
        await asyncio.wait([ending], timeout=0.2)
    out, err = await ending
    assert process.returncode == 0, err.decode()
    assert json.loads(out.splitlines()[-1])["pending"] == 20_000
    early, most = max(resident[: len(resident) // 4]), max(resident)
    print(f"resident: {early:.0f} MB in the first quarter, {most:.0f} MB at most")
    assert most < early + 40


async def test_a_worker_tells_when_the_index_was_last_found_clean(site):
    begun = time.time()
    async with site.producing() as put:
        await put("acme", "one", "a text")
    await site.consumed()
    await site.reconcile("--tenant", "acme")
    assert await site.told() is None
    await site.reconcile()
    assert await asyncio.to_thread(site.worker.stop) == 0
    await asyncio.to_thread(site.worker.start().ready)
    until = time.monotonic() + 60
    while (at := await site.told()) is None and time.monotonic() < until:  # noqa: ASYNC110 - a process's
        await asyncio.sleep(0.2)
    assert begun < at < time.time()


def resident_mb(pid: int) -> float:
    """Resident memory of a process, 0 where it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS")), 0.0)
