"""An index that changes are applied to and that is looked at as a question does, whichever store holds it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from streams.answering.retrieval.standing import Standing
from streams.indexing.cutting.cut import HereCutter
from streams.indexing.indexer import Indexer
from streams.indexing.vacuum.bury import Burial
from streams.indexing.vacuum.sweeper import Sweeper
from streams.indexing.vacuum.vacuum import Vacuum
from streams.messages.changes import Change, Document, Truncation
from streams.messages.records import Offset
from tests.unit.indexing.stepping import CHUNKING, Clock, HashEmbedder, as_it_is, paragraphs

GRACE_S = 120


def place(offset, topic="cms", partition=0):
    return Offset(topic=topic, partition=partition, offset=offset)


def row(record_key, offset, text="", *, partition=0, time=None, order=None, timestamp=None, **document):
    """A change of a row of the table `cms`; `text` None: it is gone, and only its key is named."""
    made = None if text is None else Document(**{"tenant": "t", "id": record_key, "text": text, **document})
    at = place(offset, partition=partition)
    stamp = offset if timestamp is None else timestamp
    return Change("cms", record_key, at, stamp, document=made, time=time, order=order)


def truncation(offset, *, source="cms", partition=0, time=None, order=None, timestamp=None):
    stamp = offset if timestamp is None else timestamp
    return Truncation(source, place(offset, source, partition), stamp, time=time, order=order)


@dataclass
class Shelf:
    """A store, and who writes to it and tidies it up."""

    store: object
    clock: Clock = field(default_factory=Clock)
    embedder: HashEmbedder = field(default_factory=HashEmbedder)
    events: list = field(default_factory=list)

    def __post_init__(self):
        self.clock.t = 1000.0
        self.sweeper = self.new_sweeper()

    def new_sweeper(self, store=None):
        """The tidying part of a worker that has just been started."""
        store, now, monotonic = store or self.store, self.clock.now, self.clock.monotonic
        vacuum = Vacuum(store, now=now, monotonic=monotonic)
        burial = Burial(store, now=now, observe=self.events.append)
        return Sweeper(vacuum, burial, monotonic=monotonic, observe=self.events.append)

    async def apply(self, *said):
        """Applies changes one after the other, as a worker does; what became of the last one."""
        applied = None
        for one in said:
            indexer = Indexer(
                self.store,
                self.embedder,
                cutter=HereCutter(as_it_is, paragraphs),
                chunking=CHUNKING,
                now=self.clock.now,
                monotonic=self.clock.monotonic,
                sleep=self._no_sleep,
            )
            applied = await indexer.apply(one)
            if applied.superseded:
                self.sweeper.hint(one.key)
        return applied

    async def _no_sleep(self, _seconds):
        pass

    async def shown(self):
        """What can be found: by record key, the tenant, and the texts of the passages in order."""
        keys = [key async for key in self.store.document_keys()]
        heads = await Standing().heads(self.store, keys)
        return {
            head.record_key: (head.tenant, *[one.text for one in await self._passages(head)])
            for head in heads.values()
            if not head.deleted
        }

    async def _passages(self, head):
        ids = [entry.id for entry in head.passages]
        held = {one.id: one for one in await self.store.passages(head.tenant, ids)}
        return [held[id_] for id_ in ids]

    async def heads(self, key):
        return list((await self.store.heads([key])).get(key, ()))

    async def on_disk(self):
        """How many passages there are, whether they count or not."""
        later = self.clock.now() + timedelta(days=36500)
        return len([ref async for ref in self.store.passages_written_before(later)])

    async def tidy(self, looks=4, seconds=GRACE_S):
        """Some looks of the sweeper, each after the last one's grace."""
        for _ in range(looks):
            await self.sweeper.look()
            self.clock.t += seconds

    def count(self, name):
        return sum(event.value for event in self.events if event.name == name)
