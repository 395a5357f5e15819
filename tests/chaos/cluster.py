"""What is broken in a run: Kafka, Weaviate, a stand-in for Ollama, workers; and all that went through."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from streams import settings as configuration
from streams import sources
from streams.answering.retrieval.retrieve import retrieve
from streams.errors import Rejected
from streams.kafka import topics
from streams.messages.changes import Ignored, floor_key
from streams.messages.floors import below
from streams.messages.held import current
from streams.messages.receipts import IndexReceipt
from streams.messages.records import Record
from streams.ports import SearchQuery
from streams.wiring import connection, read_topics, topic_plan
from streams.worker.generations import chunking_named
from streams.worker.parts import open_index
from tests.apart import apart
from tests.bench.stub_ollama import vector
from tests.bench.workers import Worker
from tests.chaos.load import SOURCES, Expected, Load, Sent, expected
from tests.checker import document_differences, unaccounted

PARTITIONS = 3
AT_ONCE = 100
SURELY = {"enable_idempotence": True, "request_timeout_ms": 300_000}
"""For producers: what is sent is there once, and they know where, even if the broker was away for minutes."""
SETTLE_S = 240.0
"""How long a run may take to come to rest after its last fault, on a machine that does other things, too."""


class Cluster:
    """One run: topics and an index of its own, some workers, all that was sent, all receipts."""

    def __init__(
        self, folder: Path, kafka: str, store: dict[str, str], ollama: str, seed: int, more_sources: str = ""
    ) -> None:
        self.folder, self.seed, self.name = folder, seed, f"chaos-{uuid.uuid4().hex[:6]}"
        self.changes, self.rows = f"{self.name}.changes", f"{self.name}.rows"
        (folder / "sources.toml").write_text(
            SOURCES.format(changes=self.changes, rows=self.rows) + more_sources
        )
        self.environ = {
            "STREAMS_KAFKA_BOOTSTRAP_SERVERS": kafka,
            "STREAMS_OLLAMA_URL": ollama,
            "STREAMS_EMBED_MODEL": "stub-embed",
            "STREAMS_EMBED_DIMENSION": "384",
            "STREAMS_GENERATE_MODEL": "stub",
            "STREAMS_FALLBACK_MODEL": "stub",
            "STREAMS_TOPIC_PARTITIONS": str(PARTITIONS),
            "STREAMS_SOURCES": str(folder / "sources.toml"),
            "STREAMS_LOG_FORMAT": "json",
            **apart(self.name),
            **store,
        }
        with _environment(self.environ):
            self.settings = configuration.load(env_file=None)
            self.read = {source.topic: source for source in read_topics(self.settings).sources}
        self.roles = "index"
        self.command: list[str] | None = None
        """What a worker is, where it is another one than ours."""
        self.excused: frozenset[str] = frozenset()
        """Reasons for which a record may be a dead letter, though it could have been indexed."""
        self.workers: list[Worker] = []
        self.sent: list[Record] = []
        self.receipts: dict[str, IndexReceipt] = {}
        self.arrivals: list[float] = []
        """When a receipt came that had not come before."""
        self.problems: list[str] = []

    async def create(self) -> None:
        """The topics: the rows' is not compacted, as a truncate has no key."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.settings.kafka)
        await admin.start()
        copies = self.settings.topic_replication
        ours = [NewTopic(topic, PARTITIONS, copies) for topic in self.read if topic != self.changes]
        await admin.create_topics(ours)
        await admin.close()
        reports = await topics.create(connection(self.settings), topics.wanted(topic_plan(self.settings)))
        assert all(report.fits for report in reports), reports

    def add(self) -> Worker:
        """One more worker, not awaited."""
        worker = Worker(self.folder, self.environ, roles=self.roles)
        worker.command = self.command or worker.command
        self.workers.append(worker)
        return worker.start()

    def regroup(self) -> None:
        """From here on workers are of another group, that has read nothing; receipts are counted anew."""
        self.environ["STREAMS_GROUP"] = f"{self.name}-{uuid.uuid4().hex[:6]}"
        with _environment(self.environ):
            self.settings = configuration.load(env_file=None)
        self.receipts.clear()

    async def remove(self, worker: Worker) -> None:
        """SIGTERM, as an orchestrator sends it: it must be gone in time, with exit code 0."""
        self.workers.remove(worker)
        await asyncio.to_thread(_begun, worker)
        try:
            code = await asyncio.to_thread(worker.stop)
        except subprocess.TimeoutExpired:
            code = -9
        if code:
            self.problems.append(f"a worker ended with {code} at SIGTERM: {worker.log}\n{worker.tail(5)}")

    async def load(self, load: Load, pace_s: float, stop: asyncio.Event) -> None:
        """Sends the load until it is told to stop."""
        async with AIOKafkaProducer(
            bootstrap_servers=self.settings.kafka, max_request_size=8 << 20, **SURELY
        ) as producer:
            while not stop.is_set():
                for sent in load.next():
                    await self.put(producer, sent)
                await asyncio.sleep(pace_s)

    async def put(self, producer: AIOKafkaProducer, sent: Sent, partition: int | None = None) -> Record:
        """Sends one record, of which the run knows from then on."""
        topic = self.rows if sent.rows else self.changes
        at = await producer.send_and_wait(topic, sent.value, sent.key, partition=partition)
        record = Record(topic, at.partition, at.offset, at.timestamp, sent.key, sent.value)
        self.sent.append(record)
        return record

    async def follow(self) -> None:
        """Collects receipts for as long as it runs."""
        async with AIOKafkaConsumer(
            self.settings.topic_indexed,
            bootstrap_servers=self.settings.kafka,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            enable_auto_commit=False,
        ) as consumer:
            async for message in consumer:
                receipt = IndexReceipt.model_validate_json(message.value)
                if self.receipts.setdefault(str(receipt.source), receipt) is receipt:
                    self.arrivals.append(time.time())

    async def settle(self, limit_s: float = SETTLE_S) -> None:
        """Waits until there is a receipt for every record."""
        until = time.monotonic() + limit_s
        while missing := unaccounted([record.at for record in self.sent], self.receipts.values()):
            if time.monotonic() > until:
                logs = "\n".join(worker.tail(8) for worker in self.workers)
                raise AssertionError(f"{len(missing)} records have no receipt, {sorted(missing)[:5]}\n{logs}")
            await asyncio.sleep(0.2)

    async def check(self) -> list[str]:
        """All that is wrong once everything came to rest: nothing, usually."""
        wanted = expected(self.sent, self.read)
        dead = {place for place, receipt in self.receipts.items() if receipt.outcome == "dead"}
        problems = [*self.problems, *(f"{at}: not a dead letter" for at in wanted.unreadable - dead)]
        excused = self._excused(wanted)
        may = wanted.unreadable | wanted.unusable | {str(one.at) for one in self._records_of(excused)}
        problems += [
            f"{at}: dead ({self.receipts[at].reason}), and should not be" for at in sorted(dead - may)
        ]
        for key in excused:
            wanted.documents.pop(key, None)
        index = await open_index(self.settings)
        try:
            record = await index.generations()
            store = await index.open(record.live)
            try:
                problems += await self._differences(store, wanted, chunking_named(record.live))
                problems += await self._found_though_gone(store, wanted, excused)
            finally:
                await store.close()
        finally:
            await index.close()
        return problems + await self._reconciled()

    def _excused(self, wanted: Expected) -> set[object]:
        """Documents of which a record became a dead letter that need not be one; all, of a truncate."""
        places = {at for at, receipt in self.receipts.items() if receipt.reason in self.excused}
        records = [record for record in self.sent if str(record.at) in places]
        emptied = {record.topic for record in records if record.key is None}
        named = {key for record in records for key in self._keys(record)}
        return named | {key for key, (change, _) in wanted.documents.items() if change.source in emptied}

    def _records_of(self, keys: set[object]) -> list[Record]:
        return [record for record in self.sent if not keys.isdisjoint(self._keys(record))] if keys else []

    def _keys(self, record: Record) -> set[object]:
        """The documents, or the floor, that a record is about."""
        try:
            said = sources.decode(self.read[record.topic], record, max_bytes=1 << 23)
        except Rejected:
            return set()
        return {one.key for one in said if not isinstance(one, Ignored)}

    async def _differences(self, store, wanted, chunking) -> list[str]:
        floors = {
            source: current((await store.heads([floor_key(source)])).get(floor_key(source), ()))
            for source in self.read
        }
        problems, keys = [], list(wanted.documents)
        for start in range(0, len(keys), AT_ONCE):
            heads = await store.heads(keys[start : start + AT_ONCE])
            for key in keys[start : start + AT_ONCE]:
                change, there = wanted.documents[key]
                head, floor = current(heads.get(key, ())), floors[change.source]
                if not there:
                    gone = head is None or head.deleted or (floor is not None and below(head, floor))
                    problems += [] if gone else [f"{change.record_key}: is there, and should be gone"]
                    continue
                if head is not None and floor is not None and below(head, floor):
                    problems.append(f"{change.record_key}: is below the floor, and should be there")
                    continue
                problems += await document_differences(store, change, head, chunking)
                ids = [listed.id for listed in head.passages] if head else []
                if len(ids) != len(set(ids)):
                    problems.append(f"{change.record_key}: lists a passage twice")
        return problems

    async def _found_though_gone(self, store, wanted, excused) -> list[str]:
        """Searches for what was edited away or deleted, by a word that nothing else has."""
        now = {
            change.document.text.split()[0]
            for change, there in wanted.documents.values()
            if there and change.document.text
        }
        words = {word for record in self.sent for word in _unique(record.value)} - now
        problems = []
        for word in random.Random(self.seed).sample(sorted(words), min(len(words), 60)):
            for tenant in ("acme", "bolt", "cord"):
                query = SearchQuery(tenant=tenant, text=word, vector=vector(word), limit=20)
                got = await retrieve(store, query, wanted=10, overfetch=3, rounds=4)
                problems += [
                    f"{word} is found, and is gone"
                    for one in got.found
                    if word in one.hit.text and one.hit.document_key not in excused
                ]
        return problems

    async def _reconciled(self) -> list[str]:
        """`rag-streams reconcile` must say the same as the checker."""
        command = [sys.executable, "-m", "streams", "reconcile", "--json"]
        environ = {name: value for name, value in os.environ.items() if not name.startswith("STREAMS_")}
        process = await asyncio.create_subprocess_exec(
            *command, env=environ | self.environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        out, err = await process.communicate()
        rows = [json.loads(line) for line in out.splitlines()]
        if process.returncode or not rows[-1]["clean"]:
            return [f"reconcile: exit {process.returncode}, {rows or err.decode()[-500:]}"]
        return []

    def outcomes(self) -> Counter[str]:
        """How many records ended how."""
        return Counter(receipt.outcome for receipt in self.receipts.values())

    def end(self) -> None:
        """Nothing that it started is left."""
        for worker in self.workers:
            if worker.process and worker.process.poll() is None:
                worker.process.send_signal(signal.SIGCONT)
                worker.kill()


def _begun(worker: Worker) -> None:
    """Returns once it hears signals: its first line comes after that. Before, it has taken no work."""
    until = time.monotonic() + 60
    while not worker.log.stat().st_size and time.monotonic() < until:
        time.sleep(0.1)


def _unique(value: bytes | None) -> list[str]:
    return [
        word
        for word in (value or b"").decode(errors="replace").replace('"', " ").split()
        if word.startswith("unique")
    ]


@contextmanager
def _environment(environ: dict[str, str]) -> Iterator[None]:
    """The settings' variables, for as long as they are read."""
    before = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("STREAMS_")}
    os.environ.update(environ)
    try:
        yield
    finally:
        for name in environ:
            del os.environ[name]
        os.environ.update(before)
