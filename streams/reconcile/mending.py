"""Bringing documents to where the topics say, by applying the changes that say so."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Coroutine, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

from streams.errors import Rejected
from streams.messages.changes import Change, Ignored, Truncation
from streams.messages.held import Head, current
from streams.messages.records import Offset
from streams.ports import Catalogue
from streams.reconcile.findings import Found
from streams.reconcile.reading import Advance, Decode, Log, Placed
from streams.reconcile.spoken import Spoken
from streams.reconcile.spool import Spool
from streams.reconcile.standing import over
from streams.reconcile.verdict import DIFFERENCES

AT_ONCE = 16
"""Documents that are mended at the same time; the records of so many are in memory."""

T = TypeVar("T")

Places = Mapping[Offset, Sequence[Placed]]


class Apply(Protocol):
    """`Indexer.apply`: idempotent, and safe beside workers that do the same."""

    async def __call__(self, change: Placed, /) -> object:
        """Brings the document to this change, or finds it there or beyond. Raises as the ports do."""
        ...


@dataclass(frozen=True, slots=True)
class Mender:
    """Mends what was found. What can't be mended is kept in the spool with a note that says why.

    Nothing is mended of `foreign` sources: what their topics say now is not what the index was made of.
    """

    index: Catalogue
    spool: Spool
    log: Log
    decode: Decode
    apply: Apply
    foreign: Collection[str] = ()

    async def mend(self, advance: Advance) -> None:
        """Mends all that was found, in the order of the topics. Raises `Retryable`, `Misconfigured`."""
        pages = self.spool.findings.pages(DIFFERENCES, AT_ONCE)
        while page := await asyncio.to_thread(next, pages, None):
            changes = await self._changes(page)
            keys = [found.key for found in page]
            heads = {key: current(held) for key, held in (await self.index.heads(keys)).items()}
            spoken = await asyncio.to_thread(self.spool.spoken, keys)
            notes = await _all(
                self._mend(one, spoken.get(one.key), heads.get(one.key), changes) for one in page
            )
            told = [replace(one, note=note) for one, note in zip(page, notes, strict=True) if note]
            await asyncio.to_thread(self.spool.findings.keep, told)
            advance(len(page))

    async def _mend(
        self, found: Found, spoken: Spoken | None, head: Head | None, changes: Places
    ) -> str | None:
        """Mends a document; gives why it can't be."""
        if found.at.topic in self.foreign:
            return "foreign"
        if found.kind == "orphaned":
            # One that was written again since it was judged is none.
            judged = head is not None and _place(head) == found.at
            said: Sequence[Placed] = [deletion(head)] if head is not None and judged else ()
        else:
            said = [one for at in self._places(found) for one in changes.get(at, ()) if _concerns(one, found)]
            if not any(one.at == found.at for one in said):
                return "gone"
            said = [placed(one, found, spoken, head) for one in said]
        try:
            for change in said:
                await self.apply(change)
        except Rejected as error:
            return error.code
        return None

    def _places(self, found: Found) -> Sequence[Offset]:
        """The records that a document is mended with, in order."""
        if found.kind == "damaged":
            return [found.at]
        steps = self.spool.steps(found.key, found.at.partition, found.at.offset)
        return [found.at.model_copy(update={"offset": offset}) for offset in steps]

    async def _changes(self, page: Sequence[Found]) -> Places:
        """What the records say that these documents are mended with."""
        wanted = {at for one in page if one.kind != "orphaned" for at in self._places(one)}
        return {at: said async for at, said in self._decoded(wanted)}

    async def _decoded(self, places: Iterable[Offset]) -> AsyncIterator[tuple[Offset, Sequence[Placed]]]:
        topics: dict[str, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
        for at in sorted(places, key=lambda at: at.offset):
            topics[at.topic][at.partition].append(at.offset)
        for topic, offsets in topics.items():
            async with aclosing(self.log.at(topic, offsets)) as records:
                async for record in records:
                    try:
                        said = await self.decode(record)
                    except Rejected:
                        continue
                    yield record.at, [one for one in said if not isinstance(one, Ignored)]


def placed(change: Placed, found: Found, spoken: Spoken | None, head: Head | None) -> Placed:
    """`change`, ready to be applied without those that came before it.

    The time that it has from them is given to it. Where the document is at it already, it is left as
    it is, so that the indexer knows it again and mends what it lists.
    """
    wanted = spoken.wanted if spoken else None
    if found.kind == "damaged" or wanted is None or wanted.offset != change.at.offset:
        return change
    if wanted.timed:
        return replace(change, time=wanted.position.time) if _is_early(change) else change
    position = wanted.position if head is None else over(wanted, head.position, follows=True)
    if position[:2] == (0, 0):
        return change
    return replace(change, time=position.time, order=position.order)


def _is_early(said: Placed) -> bool:
    return isinstance(said, Change) and said.early


def _concerns(said: Placed, found: Found) -> bool:
    """Whether it is about this document; a truncation is about all of its source's."""
    return said.key == found.key or (isinstance(said, Truncation) and said.source == found.at.topic)


def deletion(head: Head) -> Change:
    """The deletion that comes right after what the head was made of, and before all that follows that."""
    return Change(
        source=head.source,
        record_key=head.record_key,
        at=_place(head),
        timestamp=head.position.timestamp + 1,
        tenant=head.tenant,
        document_id=head.document_id,
        time=head.position.time,
        order=head.position.order,
        inherited=not head.timed,
    )


def _place(head: Head) -> Offset:
    return Offset(topic=head.topic, partition=head.partition, offset=head.offset)


async def _all(work: Iterable[Coroutine[Any, Any, T]]) -> Sequence[T]:
    """What all of them give; all have ended where one fails."""
    ended = await asyncio.gather(*work, return_exceptions=True)
    for one in ended:
        if isinstance(one, BaseException):
            raise one
    return [one for one in ended if not isinstance(one, BaseException)]
