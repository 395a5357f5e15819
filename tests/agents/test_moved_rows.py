"""An update of many keys at once, and a store that fails while they wait for each other."""

import asyncio
import json

from streams.agents.indexing import Indexing
from streams.agents.pump.backoff import Backoff
from streams.agents.pump.delivery import Delivery
from streams.errors import Retryable
from streams.indexing.cutting.cut import HereCutter
from streams.indexing.indexer import Indexer
from streams.messages.records import Record
from streams.ports import unobserved
from streams.sources import decode
from streams.sources.topics import Source
from tests.agents.group import Bench
from tests.unit.answering.virtual import monotonic, now, run
from tests.unit.indexing.memory_store import MemoryStore
from tests.unit.indexing.stepping import CHUNKING, HashEmbedder, as_it_is, paragraphs

SOURCE = Source("t", format="debezium", id="{id}", text="{body}")
ROWS = 500
OTHERS = 1000
SLOTS = 128
COMMITTED_AT = 1_700_000_000_000_000


class Failing(MemoryStore):
    """A store each of whose calls takes some time, and fails while it is `bad`."""

    bad = False

    async def heads(self, document_keys):
        await self.call()
        return await super().heads(document_keys)

    async def current_heads(self, document_keys):
        await self.call()
        return await super().current_heads(document_keys)

    async def write_passages(self, passages):
        await self.call()
        await super().write_passages(passages)

    async def write_heads(self, heads):
        await self.call()
        await super().write_heads(heads)

    async def call(self):
        await asyncio.sleep(0.005)
        if self.bad:
            raise Retryable("the store did not answer in time", code="store_timeout")


def change(op, before, after, lsn, *, at):
    return {
        "op": op, "before": before, "after": after,
        "source": {"connector": "postgresql", "schema": "public", "table": "t", "lsn": lsn, "ts_us": at},
    }  # fmt: skip


class Topic:
    """Three partitions of a table's changes."""

    def __init__(self, bench):
        self.bench, self.ends = bench, [0, 0, 0]

    async def put(self, partition, id_, event, *headers):
        offset, self.ends[partition] = self.ends[partition], self.ends[partition] + 1
        written = tuple((name, json.dumps({"id": key}).encode()) for name, key in headers)
        key, value = json.dumps({"id": id_}).encode(), json.dumps(event).encode()
        record = Record("t", partition, offset, 1_000 + offset, key, value, written)
        await self.bench._deliveries.put((record, 1))

    async def rows(self):
        for id_ in range(ROWS):
            row = {"id": id_, "body": f"text {id_}"}
            await self.put(0, id_, change("c", None, row, id_, at=COMMITTED_AT))

    async def new_keys(self):
        for id_ in range(ROWS):
            row = {"id": ROWS + id_, "body": "__debezium_unavailable_value"}
            event = change("c", None, row, 5000 + id_, at=COMMITTED_AT + 10)
            await self.put(1, ROWS + id_, event, ("__debezium.oldkey", id_))

    async def old_keys(self):
        for id_ in range(ROWS):
            event = change("d", {"id": id_, "body": None}, None, 5000 + id_, at=COMMITTED_AT + 10)
            await self.put(0, id_, event, ("__debezium.newkey", ROWS + id_))

    async def others(self):
        for id_ in range(5000, 5000 + OTHERS):
            row = {"id": id_, "body": "another"}
            await self.put(2, id_, change("c", None, row, 9000 + id_, at=COMMITTED_AT + 20))

    async def committed(self):
        while [self.bench.group.committed.get(("t", one), 0) for one in range(3)] != self.ends:  # noqa: ASYNC110 - in virtual time
            await asyncio.sleep(0.1)


async def moved():
    store, receipts = Failing(), []
    indexer = Indexer(
        store, HashEmbedder(), cutter=HereCutter(as_it_is, paragraphs), chunking=CHUNKING, now=now,
        monotonic=monotonic,
    )  # fmt: skip

    async def keep(outgoing):
        receipts.append(json.loads(outgoing.value))

    work = Indexing(
        lambda record: decode(SOURCE, record, max_bytes=10**7), indexer,
        retry_topic="retry", receipts_topic="receipts", embed_model=lambda: "model",
        deliver=Delivery(keep, Backoff(0.01, 0.02, lambda: 0.5)), now=now, observe=unobserved,
    )  # fmt: skip
    work.moved = asyncio.Event()
    async with Bench(work, slots=SLOTS, backoff_s=0.2, backoff_max_s=10.0) as bench:
        topic = Topic(bench)
        await topic.rows()
        await topic.committed()
        await topic.new_keys()
        await asyncio.sleep(0.2)
        store.bad = True
        await asyncio.sleep(1.0)
        store.bad = False
        await topic.old_keys()
        await topic.others()
        await asyncio.wait_for(topic.committed(), 300)
        return bench, store, receipts


def shown(store):
    """The text of each document that is not deleted."""
    heads = [store.current(key) for key in store.all_heads]
    return {
        head.document_id: " ".join(store.held[head.tenant, one.id].text for one in head.passages)
        for head in heads
        if not head.deleted
    }


def test_an_update_of_many_keys_outlives_a_second_in_which_the_store_fails_and_the_canary_passes():
    """More rows than slots wait aside, and each has failed once."""
    bench, store, receipts = run(moved())
    assert bench.produced == []
    moved_rows = {str(ROWS + id_): f"text {id_}" for id_ in range(ROWS)}
    assert shown(store) == moved_rows | {str(5000 + id_): "another" for id_ in range(OTHERS)}
    outcomes = [receipt["outcome"] for receipt in receipts]
    assert (outcomes.count("deleted"), outcomes.count("indexed")) == (ROWS, 2 * ROWS + OTHERS)
