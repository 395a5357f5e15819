"""Topics, read into the spool."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Protocol

from streams.errors import Rejected
from streams.messages.changes import Change, Ignored, Said, Truncation
from streams.messages.dead import first_place, refused
from streams.messages.records import Record
from streams.reconcile.spool import Letter, Read, Spool, Stretch
from streams.reconcile.verdict import Reach, Spans

AT_ONCE = 500
"""Changes that go to the disk together."""

Placed = Change | Truncation
"""What has a place in the order of a document's changes, or of its source's truncations."""
Decode = Callable[[Record], Awaitable[Sequence[Said]]]
"""What a record says. Raises `Rejected`."""
Advance = Callable[[int], None]
"""Told of every so many records or documents that are dealt with."""


class Log(Protocol):
    """Topics, as they are read here: committed records only."""

    async def spans(self, topic: str) -> Spans:
        """What there is to read now; nothing where there is no such topic."""
        ...

    def records(self, topic: str, within: Spans) -> AsyncGenerator[Record, None]:
        """The records within, in the order of each partition."""
        ...

    def at(self, topic: str, places: Mapping[int, Sequence[int]]) -> AsyncGenerator[Record, None]:
        """The records at these offsets of each partition, ascending; those that are gone are left out."""
        ...


async def read(log: Log, spool: Spool, decode: Decode, topic: str, spans: Spans, advance: Advance) -> Reach:
    """Reads a source's records into the spool, and says how far it got."""
    unread: dict[int, int] = {}
    illegible = speaking = 0
    batch: list[Read] = []
    stood = _Stood()
    async with aclosing(log.records(topic, spans)) as records:
        async for record in records:
            stood.at(record)
            said = await attributed(decode, record)
            if said is None:
                unread[record.partition] = record.offset
                illegible += 1
            speaking += bool(said)
            batch += said or ()
            advance(1)
            if len(batch) >= AT_ONCE:
                await asyncio.to_thread(spool.take, batch)
                batch = []
            if len(stood.ended) >= AT_ONCE:
                await asyncio.to_thread(spool.keep, stood.ended)
                stood.ended = []
    await asyncio.to_thread(spool.take, batch)
    await asyncio.to_thread(spool.keep, [*stood.ended, *stood.open.values()])
    return Reach(spans, unread, illegible, stood.oldest, stood.records, speaking)


class _Stood:
    """How many records there are, where they stand, and how old the oldest is."""

    def __init__(self) -> None:
        self.open: dict[int, Stretch] = {}
        self.ended: list[Stretch] = []
        self.oldest: int | None = None
        self.records = 0

    def at(self, record: Record) -> None:
        """One more, behind those of its partition."""
        self.records += 1
        if record.timestamp >= 0:
            known = self.oldest
            self.oldest = record.timestamp if known is None else min(known, record.timestamp)
        before = self.open.get(record.partition)
        if before is not None and before.last == record.offset - 1:
            self.open[record.partition] = before._replace(last=record.offset)
            return
        if before is not None:
            self.ended.append(before)
        self.open[record.partition] = Stretch(record.topic, record.partition, record.offset, record.offset)


async def attributed(decode: Decode, record: Record) -> Sequence[Read] | None:
    """The changes in a record; None where nothing at all can be read.

    Of which document a record speaks is asked of its key alone where its value can't be read.
    """
    try:
        said = enumerate(await decode(record))
        return [Read(one, number) for number, one in said if not isinstance(one, Ignored)]
    except Rejected:
        pass
    try:
        named = [one for one in await decode(replace(record, value=None)) if isinstance(one, Change)]
    except Rejected:
        named = []
    return [Read(one, unreadable=True) for one in named] or None


async def bury(log: Log, spool: Spool, topic: str, since: Spans) -> Spans:
    """Reads the dead letters that came after `since` into the spool; gives what to go on from."""
    now = await log.spans(topic)
    new = {number: (max(begin, since.get(number, (0, 0))[1]), end) for number, (begin, end) in now.items()}
    letters: list[Letter] = []
    async with aclosing(log.records(topic, new)) as records:
        async for record in records:
            if at := first_place(record):
                letters.append(Letter(at, refused(record)))
            if len(letters) >= AT_ONCE:
                await asyncio.to_thread(spool.bury, letters)
                letters = []
    await asyncio.to_thread(spool.bury, letters)
    return now
