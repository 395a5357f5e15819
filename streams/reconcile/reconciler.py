"""Comparing the change topics with the index: read, look, look again, mend.

What differs at the first look may be a change that a worker has yet to consume, or that came in between.
It counts only where it still differs once the workers have acknowledged the record that it hangs on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol
from uuid import UUID

from streams.messages.records import Offset
from streams.ports import Catalogue, Monotonic
from streams.reconcile.findings import Found
from streams.reconcile.looking import DOCUMENTS_AT_ONCE, Look
from streams.reconcile.mending import Apply, Mender
from streams.reconcile.reading import Advance, Decode, Log, bury, read
from streams.reconcile.report import Report, report
from streams.reconcile.spool import Spool
from streams.reconcile.verdict import DIFFERENCES, Kind, Reach, Spans

BROUGHT: frozenset[Kind] = frozenset({"missing", "stale", "resurrected"})
"""What a worker that has yet to consume the record looks like, too."""

ROUNDS = 2
"""A document that was brought on may list what was lost before: that is mended once it is seen."""


class Consumed(Protocol):
    """How far the workers are; see `streams.kafka.watermarks`."""

    async def applied(self) -> Sequence[Offset]:
        """The last record dealt with in each partition."""
        ...

    async def wait_for(self, after: Sequence[Offset], deadline: float) -> bool:
        """Whether all of `after` is dealt with by `deadline`, by the monotonic clock."""
        ...


class Progress(Protocol):
    """Told how it goes on."""

    def stage(self, name: str, total: int | None) -> Advance:
        """Something begins that takes `total` steps, where that is known; gives what counts them."""
        ...


@dataclass(frozen=True, slots=True)
class Asked:
    """What is compared: these topics, one tenant or all, waiting so long for workers that are behind."""

    topics: Sequence[str]
    tenant: str | None = None
    wait_s: float = 60.0
    every_source: bool = True
    """Whether documents of sources that are not read are looked for, too."""
    trusted: bool = False
    """Whether what the topics don't speak of is an orphan though it came from elsewhere, as somebody says."""


class Reconciler:
    """One comparison, over a spool of its own."""

    def __init__(
        self,
        asked: Asked,
        *,
        log: Log,
        spool: Spool,
        index: Catalogue,
        consumed: Consumed,
        decode: Decode,
        dead_topic: str,
        monotonic: Monotonic,
        progress: Progress,
    ) -> None:
        self._asked, self._log, self._spool, self._index = asked, log, spool, index
        self._consumed, self._decode, self._dead_topic = consumed, decode, dead_topic
        self._monotonic, self._progress = monotonic, progress
        self._reaches: dict[str, Reach] = {}
        self._letters: Spans = {}
        self._look = Look(index, spool, self._reaches, asked.tenant, trusted=asked.trusted)

    async def compare(self) -> Report:
        """Says what differs. Raises as the ports do."""
        await self._read()
        await self._look.at_spoken(
            self._progress.stage("comparing", await asyncio.to_thread(self._spool.documents))
        )
        self._progress.stage("looking for orphans", None)
        for source in [None] if self._asked.every_source else self._asked.topics:
            await self._look.at_unspoken(source)
        await self._wait()
        await self._again()
        return self._report()

    async def mend(self, apply: Apply) -> Report:
        """Mends what `compare` found, and says what is left."""
        mender = Mender(self._index, self._spool, self._log, self._decode, apply, self._look.foreign)
        for _ in range(ROUNDS):
            count = self._report().total(DIFFERENCES)
            await mender.mend(self._progress.stage("mending", count))
            await self._again()
            if not self._report().differs:
                break
        return self._report()

    async def _read(self) -> None:
        self._letters = await bury(self._log, self._spool, self._dead_topic, {})
        spans = {topic: await self._log.spans(topic) for topic in self._asked.topics}
        count = sum(end - begin for one in spans.values() for begin, end in one.values())
        advance = self._progress.stage("reading topics", count)
        for topic, span in spans.items():
            self._reaches[topic] = await read(self._log, self._spool, self._decode, topic, span, advance)

    async def _wait(self) -> None:
        """Waits until the workers are past the records that differing documents hang on."""
        furthest = await asyncio.to_thread(self._spool.findings.furthest)
        self._progress.stage("waiting for workers", None)
        await self._consumed.wait_for(furthest, self._monotonic() + self._asked.wait_s)

    async def _again(self) -> None:
        """Looks again at all that differs, and keeps what still does."""
        applied = {(at.topic, at.partition): at.offset for at in await self._consumed.applied()}
        self._letters = await bury(self._log, self._spool, self._dead_topic, self._letters)
        self._look.ends = {topic: await self._log.spans(topic) for topic in self._asked.topics}
        pages = self._spool.findings.pages((*DIFFERENCES, "pending"), DOCUMENTS_AT_ONCE)
        while page := await asyncio.to_thread(next, pages, None):
            await self._keep(page, applied)
        for source, why in self._look.foreign.items():
            await asyncio.to_thread(self._spool.findings.doubt, source, why)

    async def _keep(self, page: Sequence[Found], applied: Mapping[tuple[str, int], int]) -> None:
        keys = [one.key for one in page]
        spoken = await asyncio.to_thread(self._spool.spoken, keys)
        notes = {one.key: one.note for one in page}
        found = [self._told(one, applied, notes) for one in await self._look.at(keys, spoken)]
        await asyncio.to_thread(self._spool.findings.forget, set(keys) - {one.key for one in found})
        await asyncio.to_thread(self._spool.findings.keep, found)

    def _told(
        self, found: Found, applied: Mapping[tuple[str, int], int], notes: Mapping[UUID, str | None]
    ) -> Found:
        """What is still found, by what is known only now: a dead letter since, or not consumed yet."""
        kind = found.kind
        if kind in BROUGHT and applied.get((found.at.topic, found.at.partition), -1) < found.at.offset:
            kind = "pending"
        elif kind in BROUGHT and self._spool.died(found.key, found.at):
            kind = "dead"
        return replace(found, kind=kind, note=found.note or notes.get(found.key))

    def _report(self) -> Report:
        illegible = {topic: reach.illegible for topic, reach in self._reaches.items()}
        return report(self._look.documents, self._spool.findings.counts(), illegible, self._look.foreign)
