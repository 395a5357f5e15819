"""A topic, an index and a worker in memory: the real indexer, the real decoding, a clock of our own."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from contextlib import aclosing
from dataclasses import replace

from streams import sources
from streams.errors import Rejected
from streams.indexing.cutting.cut import HereCutter
from streams.indexing.indexer import Indexer
from streams.messages.changes import Change, Document, Incomplete, Truncation
from streams.messages.headers import DEAD_OFFSET, DEAD_PARTITION, DEAD_PARTS, DEAD_TIMESTAMP, DEAD_TOPIC
from streams.messages.held import Head
from streams.messages.records import Offset, Record
from streams.reconcile.reconciler import Asked, Reconciler
from streams.reconcile.spool import Spool
from streams.reconcile.verdict import DIFFERENCES, NOTES
from tests.unit.indexing.memory_store import MemoryStore
from tests.unit.indexing.stepping import CHUNKING, Clock, HashEmbedder, as_it_is, paragraphs

TOPIC, DEAD = "docs", "docs.dead"


class MemoryLog:
    """Topics, one list of records for each partition; `begins` is what a retention has taken off."""

    def __init__(self, *topics, partitions=2):
        self.topics = {topic: [[] for _ in range(partitions)] for topic in topics}
        self.begins = defaultdict(int)

    def append(self, topic, key, value, *, partition=0, timestamp=1000, headers=()):
        held = self.topics[topic][partition]
        offset = held[-1].offset + 1 if held else 0
        record = Record(topic, partition, offset, timestamp + offset, key, value, tuple(headers))
        held.append(record)
        return record

    def compact(self, topic):
        """Keeps the last record of each key."""
        for number, held in enumerate(self.topics[topic]):
            last = {record.key: record.offset for record in held}
            self.topics[topic][number] = [record for record in held if record.offset in last.values()]

    async def spans(self, topic):
        held = self.topics.get(topic, [])
        return {
            number: (self.begins[topic, number], records[-1].offset + 1 if records else 0)
            for number, records in enumerate(held)
        }

    async def records(self, topic, within):
        for number, (begin, end) in within.items():
            for record in self.topics[topic][number]:
                if begin <= record.offset < end:
                    yield record

    async def at(self, topic, places):
        for number, offsets in places.items():
            for record in self.topics[topic][number]:
                if record.offset in offsets:
                    yield record


class Workers:
    """How far the workers are: everywhere, unless `behind` says where they stand."""

    def __init__(self):
        self.behind = {}
        self.meanwhile = lambda: None

    async def applied(self):
        every = [Offset(topic=topic, partition=n, offset=10**6) for topic in (TOPIC, "rows") for n in (0, 1)]
        return [at for at in every if (at.topic, at.partition) not in self.behind] + [
            Offset(topic=topic, partition=n, offset=at) for (topic, n), at in self.behind.items()
        ]

    async def wait_for(self, after, deadline):
        """What happens meanwhile is said by the test."""
        await asyncio.sleep(0)
        self.meanwhile()
        return True


class Quiet:
    """Shows nobody how it goes on."""

    def stage(self, _name, _total):
        return lambda _count: None


class World:
    """The topics, the index, and what is asked about them."""

    def __init__(self):
        self.log = MemoryLog(TOPIC, DEAD, "rows")
        self.store, self.clock, self.embedder = MemoryStore(), Clock(), HashEmbedder()
        self.workers = Workers()
        self.asked = Asked([TOPIC])
        self.before_mending = _nothing
        self.indexer = Indexer(
            self.store, self.embedder, cutter=HereCutter(as_it_is, paragraphs), chunking=CHUNKING,
            now=self.clock.now, monotonic=self.clock.monotonic,
        )  # fmt: skip

    async def decode(self, record):
        if record.topic == "rows":
            return (row(record),)
        return sources.decode(sources.Source(record.topic), record, max_bytes=10**6)

    def put(self, name, text="some text", *, tenant="acme", **more):
        """A change on the topic; a text of None is a deletion."""
        said = {"id": name, "text": text} if text is not None else {"id": name, "op": "delete"}
        partition = more.pop("partition", 0)
        value = json.dumps(said | {"tenant": tenant} | more).encode()
        return self.log.append(TOPIC, f"{tenant}/{name}".encode(), value, partition=partition)

    def row(self, name):
        """A row on its topic."""
        return self.log.append("rows", name.encode(), json.dumps({"id": name, "text": f"of {name}"}).encode())

    async def findings(self):
        """The kinds of what is wrong."""
        await self.compare()
        return sorted(found.kind for found in self.found)

    async def index(self, *records):
        """What a worker does with records; a dead letter where one is refused."""
        for record in records:
            try:
                for change in await self.decode(record):
                    await self.indexer.apply(change)
            except Rejected:
                self.bury(record)

    def bury(self, record, *, parts=None):
        at = {DEAD_TOPIC: record.topic, DEAD_PARTITION: record.partition, DEAD_OFFSET: record.offset,
              DEAD_TIMESTAMP: record.timestamp}  # fmt: skip
        headers = [(name, str(value).encode()) for name, value in at.items()]
        headers += [(DEAD_PARTS, parts)] if parts else []
        self.log.append(DEAD, record.key, record.value, headers=headers)

    async def everything(self):
        """What is on the topic, indexed."""
        for topic in (TOPIC, "rows"):
            async with aclosing(self.log.records(topic, await self.log.spans(topic))) as records:
                await self.index(*[record async for record in records])

    async def compare(self, *, mend=False):
        """What is wrong: (kind, document), in no order; with `mend`, what is left of it after that."""
        with Spool() as spool:
            one = Reconciler(
                self.asked, log=self.log, spool=spool, index=self.store, consumed=self.workers,
                decode=self.decode, dead_topic=DEAD, monotonic=self.clock.monotonic, progress=Quiet(),
            )  # fmt: skip
            self.report = await one.compare()
            if mend:
                await self.before_mending()
                self.report = await one.mend(self.indexer.apply)
            pages = spool.findings.pages((*DIFFERENCES, *NOTES), 3)
            self.found = [found for page in pages for found in page]
        return sorted((found.kind, found.document_id or "") for found in self.found)

    def head(self, name, tenant="acme") -> Head:
        return self.store.current(self.key(name, tenant))

    def key(self, name, tenant="acme"):
        return Change(TOPIC, f"{tenant}/{name}", Offset(topic=TOPIC, partition=0, offset=0), 0).key

    def lose_heads(self, name, tenant="acme", *, but=0):
        """The document's heads are gone, all but the oldest so many."""
        heads = self.store.all_heads[self.key(name, tenant)]
        for position in sorted(heads)[but:]:
            del heads[position]
        if not heads:
            del self.store.all_heads[self.key(name, tenant)]


async def _nothing():
    pass


def row(record):
    """A change of a row whose text is left out where it did not change; without a key, a truncation."""
    said = json.loads(record.value or b"{}")
    time = said.pop("time", None)
    if record.key is None:
        return Truncation("rows", record.at, record.timestamp, time, None if time is None else 0)
    change = Change("rows", record.key.decode(), record.at, record.timestamp, time=time,
                    order=None if time is None else 0, row=said)  # fmt: skip
    if "id" not in said:
        return change

    def fill(before):
        if "text" not in before:
            raise Rejected("the row before lacks text", code="unavailable_value")
        return replace(change, document=_document(said | {"text": before["text"]}),
                       row=said | {"text": before["text"]})  # fmt: skip

    document = _document(said) if "text" in said else Incomplete(("text",), fill)
    return replace(change, document=document)


def _document(said):
    return Document("acme", said["id"], said["text"], title=said.get("title"))
