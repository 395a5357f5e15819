"""The change topics, read from their beginning into one generation of the index."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, aclosing
from functools import partial

from streams.errors import Rejected
from streams.indexing.generations.patience import Patience
from streams.indexing.generations.sidebyside import SideBySide
from streams.indexing.indexer import Indexer
from streams.kafka.log import KafkaLog
from streams.messages.changes import Change, Ignored, Truncation
from streams.messages.records import Record
from streams.reconcile.reading import Decode, Log
from streams.settings import Settings
from streams.wiring import connection, read_topics
from streams.worker.parts import open_schemas
from streams.worker.reconciling import decoder
from streams.worker.reindex import Replay, Told

SLOTS = 64


async def replay_of(settings: Settings, told: Told, *, log: Log | None = None) -> Replay:
    """What applies all that the sources' topics hold by then, as workers would have.

    What is refused is counted, and left to whoever compares the index afterwards: the live generation may
    hold what the topics do not any more. A topic that isn't there yet has nothing to say, and is told of.
    Raises here already where Kafka is away, or the sources file can't be read.
    """
    read = read_topics(settings)
    topics = log or KafkaLog(connection(settings))
    for source in read.sources:
        await topics.spans(source.topic)

    async def replay(indexer: Indexer) -> None:
        async with AsyncExitStack() as stack:
            decode = decoder(settings, read, await open_schemas(settings, read, stack))
            for source in read.sources:
                spans = await topics.spans(source.topic)
                if not spans:
                    told.step("awaited", topic=source.topic)
                    continue
                one = _Source(partial(topics.records, source.topic, spans), decode, indexer)
                told.counted(f"read {source.topic}", None)
                await one.replay()
                told.step("read", topic=source.topic, records=one.records, refused=dict(one.refused))

    return replay


class _Source:
    """One source's topic."""

    def __init__(
        self, records: Callable[[], AsyncGenerator[Record, None]], decode: Decode, indexer: Indexer
    ) -> None:
        self._records, self._decode, self._indexer = records, decode, indexer
        self._patience = Patience(time.monotonic)
        self.records = 0
        self.refused: Counter[str] = Counter()

    async def replay(self) -> None:
        """Applies all of it."""
        try:
            async with asyncio.TaskGroup() as group:
                await self._read(SideBySide(group, slots=SLOTS))
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from failures

    async def _read(self, side_by_side: SideBySide) -> None:
        async with aclosing(self._records()) as records:
            async for record in records:
                self.records += 1
                for change in await self._changes(record):
                    await side_by_side.put(change.key, self._applying(change))

    async def _changes(self, record: Record) -> Sequence[Change | Truncation]:
        try:
            said = await self._patience(lambda: self._decode(record))
        except Rejected as error:
            self.refused[error.code] += 1
            return ()
        return [one for one in said if not isinstance(one, Ignored)]

    def _applying(self, change: Change | Truncation) -> Callable[[], Awaitable[None]]:
        async def apply() -> None:
            try:
                await self._patience(lambda: self._indexer.apply(change))
            except Rejected as error:
                self.refused[error.code] += 1

        return apply
