"""One fault at a time: stages that fail, refused objects, a full disk, lost state, a replayed history."""

import asyncio
import gzip
import json
import random
import subprocess
import sys
from collections import Counter
from contextlib import ExitStack, contextmanager, suppress

import pytest
from aiokafka import AIOKafkaProducer

from ops.servers.launch import Weaviate
from streams.agents.lifecycle import DONE, FAILED
from streams.indexing.cutting.chunk import Chunking, chunk
from streams.indexing.cutting.cut import HereCutter
from streams.indexing.cutting.parse import parse
from streams.indexing.indexer import Indexer
from streams.messages.changes import Change, Document
from streams.messages.held import current
from streams.messages.records import Offset, Record
from streams.stores.sqlite import open_sqlite
from streams.worker.parts import utc_now
from streams.worker.process import LAST_S
from tests.apart import weaviate_settings
from tests.bench.index import stub
from tests.chaos.cluster import Cluster
from tests.chaos.load import Load, Sent
from tests.conftest import lacking

FAULTY = "tests/chaos/faulty_worker.py"
RECORDS = 400
LIMIT_S = 120


def a_seed():
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    return seed


def sqlite_settings(path):
    return {"STREAMS_STORE": "sqlite", "STREAMS_SQLITE_PATH": str(path)}


@contextmanager
def following(cluster):
    task = asyncio.create_task(cluster.follow())
    try:
        yield
    finally:
        task.cancel()
        cluster.end()


async def send(cluster, records):
    """Sends these, or, for a number, so many of the cluster's load."""
    load = Load(cluster.seed)
    made = [sent for _ in range(records) for sent in load.next()] if isinstance(records, int) else records

    class Made:
        def next(self):
            if not made:
                stop.set()
                return []
            return [made.pop(0)]

    stop = asyncio.Event()
    await cluster.load(Made(), 0, stop)


@pytest.mark.timeout(400)
async def test_whichever_stage_fails_no_record_vanishes(kafka, tmp_path):
    seed = a_seed()
    journal = tmp_path / "journal"
    with stub(embed_ms=1) as url:
        cluster = Cluster(tmp_path, kafka, sqlite_settings(tmp_path / "index.db"), url, seed)
        cluster.command = [sys.executable, FAULTY, str(journal), "0.03", str(seed)]
        cluster.excused = frozenset({"failed", "poison"})
        await cluster.create()
        cluster.add()
        with following(cluster):
            await send(cluster, RECORDS)
            await cluster.settle()
            worker = cluster.workers[0]
            await cluster.remove(worker)
            assert await cluster.check() == []
    struck = Counter(journal.read_text().split())
    print(dict(struck), dict(cluster.outcomes()))
    stages = {"decode", "store.current_heads", "store.write_passages", "store.write_heads"}
    assert stages | {"embedder.embed_documents", "cutter.chunks"} <= set(struck)
    excused = [one for one in cluster.receipts.values() if one.reason in cluster.excused]
    assert len(excused) < 3 * struck["decode"]


@pytest.mark.timeout(300)
async def test_objects_that_the_store_refuses_are_dead_letters_and_hold_nobody_up(kafka, tmp_path):
    """Heads that are longer than a message may be, among others in the same batches that are not."""
    with stub(embed_ms=1) as url, Weaviate(tmp_path / "w", {"GRPC_MAX_MESSAGE_SIZE": "100000"}) as server:
        cluster = Cluster(tmp_path, kafka, weaviate_settings(server), url, seed=0)
        await cluster.create()
        await asyncio.to_thread(cluster.add().ready)
        records = [plain("acme", n, 1_500_000 if n % 20 == 7 else 100) for n in range(60)]
        with following(cluster):
            await send(cluster, records)
            await cluster.settle()
            ends = Counter((one.outcome, one.reason) for one in cluster.receipts.values())
            assert ends == {("indexed", None): 57, ("dead", "too_large"): 3}
            cluster.excused = frozenset({"too_large"})
            await cluster.remove(cluster.workers[0])
            assert await cluster.check() == []


def plain(tenant, number, characters):
    said = {"id": str(number), "text": f"text {number} " + f"word{number} " * (characters // 8)}
    return Sent(rows=False, key=f"{tenant}/{number}".encode(), value=json.dumps(said).encode())


@contextmanager
def small_disk(folder, size):
    """A file system of its own with so much room."""
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], capture_output=True, check=False
    )
    if done.returncode:
        lacking(f"no file system can be mounted here, which takes root: {done.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


@pytest.mark.timeout(300)
async def test_a_full_disk_is_waited_out_and_nothing_is_lost_or_dead_for_it(kafka, tmp_path):
    with stub(embed_ms=1) as url, small_disk(tmp_path / "disk", "24m") as disk:
        cluster = Cluster(
            tmp_path, kafka, sqlite_settings(disk / "index.db"), url, seed=random.randrange(10**6)
        )
        print(f"seed {cluster.seed}")
        await cluster.create()
        await asyncio.to_thread(cluster.add().ready)
        with following(cluster):
            fill(disk / "ballast")
            await send(cluster, RECORDS)
            with pytest.raises(AssertionError):
                await cluster.settle(limit_s=10)
            before = len(cluster.receipts)
            (disk / "ballast").unlink()
            await cluster.settle()
            assert before < len(cluster.sent) - RECORDS // 4
            assert (
                "disk_full" in cluster.workers[0].log.read_text()
                or "is full" in cluster.workers[0].log.read_text()
            )
            await cluster.remove(cluster.workers[0])
            assert await cluster.check() == []


def fill(path):
    """Writes until there is no room left."""
    with suppress(OSError), path.open("wb", buffering=0) as file:
        while file.write(b"\0" * 65536):
            pass


@pytest.mark.timeout(300)
async def test_local_state_that_was_deleted_is_rebuilt_equal(kafka, tmp_path):
    with stub(embed_ms=1) as url:
        cluster = Cluster(
            tmp_path, kafka, sqlite_settings(tmp_path / "one.db"), url, seed=random.randrange(10**6)
        )
        print(f"seed {cluster.seed}")
        await cluster.create()
        cluster.add()
        with following(cluster):
            await send(cluster, RECORDS)
            await cluster.settle()
            await cluster.remove(cluster.workers[0])
            assert await cluster.check() == []
            # The index is gone, and the group with it: as on a machine that is new.
            (tmp_path / "one.db").unlink()
            cluster.regroup()
            cluster.add()
            await cluster.settle()
            await cluster.remove(cluster.workers[0])
            assert await cluster.check() == []


RECORDED = """
[[sources]]
topic = "{name}-{format}"
format = "{format}"
key = ["id"]
id = "{{id}}"
text = "{{first_name}}"
"""


@pytest.mark.timeout(300)
async def test_recorded_events_of_every_format_on_topics_of_every_format_end_no_worker(
    kafka, tmp_path, test_data
):
    """Each has its receipt, most of them as a dead letter that says why."""
    events = [json.loads(line)["value"] for line in (test_data / "cdc/events.jsonl").open()]
    formats, name = ("debezium", "maxwell", "canal", "cloudevents", "json"), f"recorded-{a_seed()}"
    more = "".join(RECORDED.format(name=name, format=one) for one in formats)
    with stub(embed_ms=1) as url:
        cluster = Cluster(tmp_path, kafka, sqlite_settings(tmp_path / "index.db"), url, 0, more)
        await cluster.create()
        cluster.add()
        with following(cluster):
            async with AIOKafkaProducer(bootstrap_servers=kafka, max_request_size=8 << 20) as producer:
                for number, event in enumerate(events):
                    value = json.dumps(event).encode()
                    for one in formats:
                        at = await producer.send_and_wait(f"{name}-{one}", value, b"%d" % number)
                        cluster.sent.append(
                            Record(at.topic, at.partition, at.offset, at.timestamp, b"", value)
                        )
            await cluster.settle()
            await cluster.remove(cluster.workers[0])
    assert cluster.problems == []
    assert len(cluster.receipts) == len(events) * len(formats)
    assert all(one.reason for one in cluster.receipts.values() if one.outcome in {"dead", "ignored"})
    assert not {"failed", "poison"} & {one.reason for one in cluster.receipts.values()}
    print(Counter(one.reason or one.outcome for one in cluster.receipts.values()))


async def test_a_books_edits_applied_one_by_one_end_as_an_index_made_from_scratch(test_data, tmp_path):
    with gzip.open(test_data / "edits/rust-book-a.jsonl.gz", "rt") as lines:
        edits = [json.loads(line) for line in lines]
    changes = [change(n, edit) for n, edit in enumerate(edits)]
    last = {one.record_key: one for one in changes}
    one, two = await indexed(tmp_path / "one.db", changes), await indexed(tmp_path / "two.db", last.values())
    assert one == two
    assert len(one) == len(last)
    print(f"{len(edits)} edits of {len(last)} documents")


def change(number, edit):
    document = None
    if edit["op"] != "d":
        document = Document("book", edit["path"], edit["after"], media_type="text/markdown")
    return Change("book", edit["path"], Offset(topic="book", partition=0, offset=number), number, document)


async def indexed(path, changes):
    """Each document's passages, in order, after these changes: text and place; None where it is deleted."""
    store = await open_sqlite(path, dimension=2)
    indexer = Indexer(
        store, Flat(), cutter=HereCutter(parse, chunk), chunking=Chunking(max_tokens=512), now=utc_now,
        monotonic=asyncio.get_running_loop().time,
    )  # fmt: skip
    try:
        for one in changes:
            await indexer.apply(one)
        held = {}
        async for key in store.document_keys():
            head = current((await store.heads([key]))[key])
            texts = {
                p.id: p.text for p in await store.passages("book", [entry.id for entry in head.passages])
            }
            places = [(texts[entry.id], entry.start, entry.end) for entry in head.passages]
            held[head.record_key] = None if head.deleted else (head.position, *places)
        return held
    finally:
        await store.close()


class Flat:
    """Vectors are of no matter here."""

    model, dimension, window = "flat", 2, 512

    async def embed_documents(self, texts):
        return [(1.0, 0.0) for _ in texts]


@pytest.mark.timeout(300)
async def test_a_worker_whose_servers_all_vanish_in_the_middle_of_its_work_ends_when_it_is_told(
    kafka_broker, weaviate_server, tmp_path
):
    """As they do where a whole machine goes down. What it had not done is done by the next one."""
    with ExitStack() as running:
        url = running.enter_context(stub(embed_ms=20))
        settings = weaviate_settings(weaviate_server)
        cluster = Cluster(tmp_path, kafka_broker.bootstrap, settings, url, seed=0)
        await cluster.create()
        worker = cluster.add()
        await asyncio.to_thread(worker.ready)
        with following(cluster):
            await send(cluster, [plain("acme", number, 400) for number in range(5_000)])
            async with asyncio.timeout(LIMIT_S):
                while not cluster.receipts:  # noqa: ASYNC110 - a table that another task fills
                    await asyncio.sleep(0.05)
            running.close()
            await asyncio.to_thread(weaviate_server.kill)
            await asyncio.to_thread(kafka_broker.kill)
            assert await asyncio.to_thread(worker.stop, LAST_S + 15) in {DONE, FAILED}
            print(worker.tail(8))
