"""The index, looked at: what is wrong with which document."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from streams.messages.changes import floor_key
from streams.messages.floors import Log, standing
from streams.messages.held import Head, current
from streams.messages.records import Offset
from streams.pages import pages
from streams.ports import Catalogue
from streams.reconcile.findings import Found
from streams.reconcile.reading import Advance
from streams.reconcile.spoken import Spoken
from streams.reconcile.spool import Spool
from streams.reconcile.verdict import (
    FOREIGN,
    Doubt,
    Kind,
    Reach,
    Spans,
    behind,
    beyond,
    compare,
    doubt,
)

DOCUMENTS_AT_ONCE = 100
PASSAGES_AT_ONCE = 2000

Place = tuple[str, str | None]
"""A source, and a tenant; None where nothing says whose the document is."""


@dataclass
class Look:
    """One look at documents, with what the topics say of them.

    `only` is the tenant that is asked about, None for all. `trusted`: the topics, as they are read now, are
    right, as somebody says. `ends`: how far the topics go now, None at the
    first look. `documents` counts those that are there, by the topics or, where these say nothing, by the
    index. `foreign`: sources of which the index holds what their topic, as it is and is read now, can't have
    said; with each, how that shows.
    """

    index: Catalogue
    spool: Spool
    reaches: Mapping[str, Reach]
    only: str | None = None
    trusted: bool = False
    ends: Mapping[str, Spans] | None = None
    documents: dict[Place, int] = field(default_factory=lambda: defaultdict(int))
    foreign: dict[str, Doubt] = field(default_factory=dict)

    async def at_spoken(self, advance: Advance) -> None:
        """Looks at all documents of which the topics speak."""
        pages = self.spool.pages(DOCUMENTS_AT_ONCE)
        while page := await asyncio.to_thread(next, pages, None):
            keys = [spoken.key for spoken in page]
            await self._note(await self.at(keys, {spoken.key: spoken for spoken in page}, count=True))
            advance(len(page))

    async def at_unspoken(self, source: str | None) -> None:
        """Looks at all documents of the index of which the topics don't speak."""
        async for keys in pages(self.index.document_keys(source), DOCUMENTS_AT_ONCE):
            spoken = await asyncio.to_thread(self.spool.spoken, keys)
            silent = [key for key in keys if key not in spoken]
            await self._note(await self.at(silent, {}, count=True))

    async def at(
        self, keys: Sequence[UUID], spoken: Mapping[UUID, Spoken], *, count: bool = False
    ) -> Sequence[Found]:
        """What is wrong with these documents now."""
        if not keys:
            return ()
        spoken = {key: said.under(self.spool.floors.get(said.said.source)) for key, said in spoken.items()}
        heads = await self._heads(keys, spoken)
        found: list[Found] = []
        sound: list[Head] = []
        for key in keys:
            head = heads[key]
            said = self._said(spoken.get(key), head)
            if self._elsewhere(said, head):
                continue
            if count:
                self._count(said, head)
            kind, why = self._kind(said, head)
            if kind is not None:
                found.append(_found(key, kind, said, head, why))
            if kind in {None, "untold"} and head is not None and not head.deleted:
                sound.append(head)
        broken = await self._damaged(sound)
        return [one for one in found if one.key not in broken] + [
            _found(key, "damaged", None, heads[key]) for key in broken
        ]

    async def _heads(self, keys: Sequence[UUID], spoken: Mapping[UUID, Spoken]) -> Mapping[UUID, Head | None]:
        """Each document as the index shows it, above or below its source's floor."""
        held = await self.index.heads([*keys, *(floor_key(source) for source in self.reaches)])
        floors = {source: current(held.get(floor_key(source), ())) for source in self.reaches}
        return {key: _shown(held.get(key, ()), spoken.get(key), floors) for key in keys}

    def _said(self, said: Spoken | None, head: Head | None) -> Spoken | None:
        """What is said of a document; of one that no record speaks of, a truncation that came after it."""
        floor = self.spool.floors.get(head.source) if head is not None else None
        if said is not None or head is None or floor is None or not behind(floor, head):
            return said
        gone = replace(floor, tenant=head.tenant, document_id=head.document_id)
        return Spoken(head.document_key, gone, None)

    def _kind(self, said: Spoken | None, head: Head | None) -> tuple[Kind | None, Doubt | None]:
        """What is wrong with a document, if anything; and why, where that can't be told."""
        if said is not None and said.key == floor_key(said.said.source):
            return ("missing" if behind(said.said, head) else None), None
        if said is not None:
            return compare(said.wanted, said.dead, head), None
        if head is None or head.deleted:
            return None, None
        reach = self.reaches.get(head.source)
        if reach is not None and beyond(reach.spans, head):
            return self._newer(head)
        why = doubt(head, reach, taken=self.spool.stands(_place(head)), trusted=self.trusted)
        if why in FOREIGN:
            self.foreign.setdefault(head.source, why)
        return ("untold" if why else "orphaned"), why

    def _newer(self, head: Head) -> tuple[Kind | None, Doubt | None]:
        """Of what was made of a record that came since the topic was read, or of a topic that is gone."""
        if self.ends is None:
            return "orphaned", None
        if not beyond(self.ends.get(head.source, {}), head):
            return None, None
        if self.trusted:
            return "orphaned", None
        self.foreign[head.source] = "beyond"
        return "untold", "beyond"

    def _elsewhere(self, said: Spoken | None, head: Head | None) -> bool:
        return self.only is not None and self.only not in _tenants(said, head)

    def _count(self, said: Spoken | None, head: Head | None) -> None:
        gone = said.wanted is None or said.wanted.deleted if said else head is None or head.deleted
        if not gone:
            self.documents[_source(said, head), _tenant(said, head)] += 1

    async def _damaged(self, heads: Sequence[Head]) -> Collection[UUID]:
        """The documents whose head lists a passage that is not there."""
        by_tenant: dict[str, dict[UUID, UUID]] = defaultdict(dict)
        for head in heads:
            if head.tenant is not None:
                by_tenant[head.tenant].update((entry.id, head.document_key) for entry in head.passages)
        broken: set[UUID] = set()
        for tenant, listed in by_tenant.items():
            ids = list(listed)
            for start in range(0, len(ids), PASSAGES_AT_ONCE):
                some = ids[start : start + PASSAGES_AT_ONCE]
                there = await self.index.present(tenant, some)
                broken.update(listed[id_] for id_ in some if id_ not in there)
        return broken

    async def _note(self, found: Sequence[Found]) -> None:
        if found:
            await asyncio.to_thread(self.spool.findings.keep, found)


def _shown(heads: Sequence[Head], said: Spoken | None, floors: Mapping[str, Head | None]) -> Head | None:
    head = current(heads)
    at = said.said if said is not None else head
    if at is None:
        return None
    return standing(head, floors.get(at.source), Log(at.source, at.partition))


def _found(key: UUID, kind: Kind, spoken: Spoken | None, head: Head | None, note: str | None = None) -> Found:
    at = _at(kind, spoken, head)
    named = (spoken.said.document_id if spoken else None) or (head.document_id if head else None)
    return Found(key, kind, at, _tenant(spoken, head), named, note)


def _at(kind: Kind, spoken: Spoken | None, head: Head | None) -> Offset:
    said = None if spoken is None else spoken.dead if kind == "dead" else spoken.said
    if said is not None:
        return Offset(topic=said.source, partition=said.partition, offset=said.offset)
    assert head is not None  # noqa: S101 - a document that nothing is said of is in the index
    return _place(head)


def _place(head: Head) -> Offset:
    return Offset(topic=head.source, partition=head.partition, offset=head.offset)


def _source(spoken: Spoken | None, head: Head | None) -> str:
    return spoken.said.source if spoken else head.source if head else ""


def _tenant(spoken: Spoken | None, head: Head | None) -> str | None:
    return (spoken.said.tenant if spoken else None) or (head.tenant if head else None)


def _tenants(spoken: Spoken | None, head: Head | None) -> tuple[str | None, ...]:
    return (spoken.said.tenant if spoken else None, head.tenant if head else None)
