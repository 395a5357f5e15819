"""The done log: how far each question got, so that a crash neither loses nor repeats an answer.

Partition n serves partition n of each question topic. What its records say is `progress`'s.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import dataclass, field

from streams.errors import Misconfigured
from streams.kafka.connection import KafkaConnection
from streams.kafka.consume import fetch, partitions_of, stretch
from streams.kafka.progress import (
    Finished,
    Progress,
    Started,
    Unseen,
    finished_of,
    finished_record,
    question_offset,
    started_of,
    started_record,
)
from streams.messages.records import Offset, Outgoing, Record
from streams.ports import Now

MARGIN_MS = 120_000
"""How far apart the clocks of two brokers may be: so much earlier than the question the log is read from."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """Where the log has a terminal event, which may be long and is seldom wanted."""

    at: Offset
    instead: bool


@dataclass(slots=True)
class _Loaded:
    """What is known of one partition of a question topic, from the offset `floor` on."""

    floor: int
    known: dict[int, Started | Finished | _Kept]


@dataclass(slots=True)
class _Reading:
    """One reading of a partition for all who asked for it before it began, `found` once it is over."""

    since: int
    wanted: set[bytes] = field(default_factory=set)
    """Keys."""
    found: dict[bytes, Started | Finished] | None = None


class DoneLog:
    """Reads the log when a partition's first question comes, and writes it.

    What was before that question is committed and never asked for again, so that only what was done and
    not committed is held in memory. `forget` it all whenever partitions are assigned: somebody else may
    have answered in between. Methods raise `Retryable` where Kafka is away.
    """

    def __init__(
        self,
        connection: KafkaConnection,
        topic: str,
        produce: Callable[[Outgoing], Awaitable[None]],
        now: Now,
    ) -> None:
        self._connection, self._topic, self._produce, self._now = connection, topic, produce, now
        self._loaded: dict[tuple[str, int], _Loaded] = {}
        self._loading: dict[tuple[str, int], asyncio.Lock] = {}
        self._next: dict[int, _Reading] = {}
        """Of each partition, the reading that was not begun yet."""
        self._reading: dict[int, asyncio.Lock] = {}

    def forget(self) -> None:
        """Forgets what is known, to be called before the first record of a new assignment."""
        self._loaded = {}

    async def progress(self, at: Offset, timestamp: int) -> Progress:
        """How far the question that stands at `at` got; `timestamp` is its record's, in milliseconds."""
        loaded = await self._load(at, timestamp)
        return await self._whole(loaded.known.get(at.offset), at, timestamp)

    async def reread(self, at: Offset, timestamp: int) -> Progress:
        """As `progress`, by the log as it is now: of several ends that it may hold, the first.

        Only after something of the question was written: that the log has its partition is not asked again.
        A partition is read by one consumer at a time, for all who had asked for it when it began: the
        slower Kafka is, the more ends are looked up, and they must not slow it further.
        """
        key = str(at).encode()
        reading = self._next.setdefault(at.partition, _Reading(timestamp))
        reading.since = min(reading.since, timestamp)
        reading.wanted.add(key)
        async with self._reading.setdefault(at.partition, asyncio.Lock()):
            if reading.found is None:
                # Who asks from now on may have written behind where this one ends.
                if self._next.get(at.partition) is reading:
                    del self._next[at.partition]
                reading.found = await self._states(at.partition, reading)
        state = reading.found.get(key)
        if state is not None:
            self._know(at, state)
        return state or Unseen()

    async def _states(self, partition: int, reading: _Reading) -> dict[bytes, Started | Finished]:
        known: dict[bytes, Started | Finished | _Kept] = {}
        whole: dict[bytes, Finished] = {}
        async with self._records(partition, reading.since) as records:
            async for record in records:
                if (key := record.key) is None or key not in reading.wanted:
                    continue
                before, later = known.get(key), _later(known.get(key), record)
                if later is not None:
                    known[key] = later
                if later is not before and (finished := finished_of(record)) is not None:
                    whole[key] = finished
        return {key: whole[key] if isinstance(state, _Kept) else state for key, state in known.items()}

    async def _whole(self, known: Started | Finished | _Kept | None, at: Offset, timestamp: int) -> Progress:
        while isinstance(known, _Kept):
            record = await fetch(self._connection, known.at)
            if record is not None and (finished := finished_of(record)) is not None:
                return finished
            # Compacted since it was read, so that a later record of the question took its place.
            known = (await self._read(at, timestamp)).get(at.offset)
        return known or Unseen()

    async def start(self, at: Offset, attempt: int) -> None:
        """Writes that an attempt begins, before anything of it is sent."""
        await self._produce(started_record(self._topic, at, attempt))
        self._know(at, Started(attempt))

    async def finish(self, at: Offset, terminal: Outgoing) -> None:
        """Writes the terminal event, before it is sent."""
        await self._produce(finished_record(self._topic, at, terminal))
        self._know(at, Finished(terminal))

    async def refused(self, at: Offset, terminal: Outgoing) -> None:
        """Writes the terminal event that takes the place of one that can't be sent, before it is sent."""
        await self._produce(finished_record(self._topic, at, terminal, instead=True))
        self._know(at, Finished(terminal, instead=True))

    def sent(self, at: Offset) -> None:
        """The terminal event is sent: within this assignment the question doesn't come again."""
        if loaded := self._loaded.get((at.topic, at.partition)):
            loaded.known.pop(at.offset, None)

    def _know(self, at: Offset, state: Started | Finished) -> None:
        if loaded := self._loaded.get((at.topic, at.partition)):
            loaded.known[at.offset] = state

    async def _load(self, at: Offset, timestamp: int) -> _Loaded:
        partition = (at.topic, at.partition)
        async with self._loading.setdefault(partition, asyncio.Lock()):
            loaded = self._loaded.get(partition)
            if loaded is None or at.offset < loaded.floor:
                before = self._loaded
                loaded = _Loaded(at.offset, await self._read(at, timestamp))
                if before is self._loaded:
                    self._loaded[partition] = loaded
            return loaded

    def _since(self, timestamp: int) -> int | None:
        if self._connection.embedded:
            return None  # it can't look up a time, and holds little
        return min(timestamp, int(self._now().timestamp() * 1000)) - MARGIN_MS

    def _records(
        self, partition: int, timestamp: int
    ) -> AbstractAsyncContextManager[AsyncGenerator[Record, None]]:
        since = self._since(timestamp)
        return aclosing(stretch(self._connection, self._topic, partitions=[partition], since=since))

    async def _read(self, at: Offset, timestamp: int) -> dict[int, Started | Finished | _Kept]:
        if at.partition not in await partitions_of(self._connection, self._topic):
            raise Misconfigured(
                f"{self._topic} needs more than {at.partition} partitions, as {at.topic} has: add them to it",
                setting="STREAMS_TOPIC_QUESTIONS_DONE",
            )
        known: dict[int, Started | Finished | _Kept] = {}
        async with self._records(at.partition, timestamp) as records:
            async for record in records:
                offset = question_offset(record, at.topic)
                if offset is None or offset < at.offset:
                    continue
                if (state := _later(known.get(offset), record)) is not None:
                    known[offset] = state
        return known


def _later(known: Started | Finished | _Kept | None, record: Record) -> Started | Finished | _Kept | None:
    """What is known of a question after one more record of it.

    An end outweighs any attempt, the first one a second, and one instead of a refused one both; of several
    of those the first counts, too. Attempts may be out of order, where a worker wrote late.
    """
    if (finished := finished_of(record)) is not None:
        outweighed = not isinstance(known, _Kept) or (finished.instead and not known.instead)
        return _Kept(record.at, finished.instead) if outweighed else known
    started = started_of(record)
    if started is None or isinstance(known, _Kept):
        return known
    return max(known, started, key=lambda one: one.attempt) if isinstance(known, Started) else started
