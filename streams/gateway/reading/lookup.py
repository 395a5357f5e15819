"""A document by its id, whatever its source: what the index holds of it, and whether a key may know."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from streams.errors import Rejected
from streams.gateway.access.keys import Key
from streams.gateway.http.problems import Problem
from streams.gateway.reading.index import LiveIndex
from streams.gateway.reading.sharing import Together
from streams.messages.changes import document_key
from streams.messages.held import Head
from streams.messages.receipts import IndexReceipt
from streams.messages.records import Offset
from streams.sources import Topics

TOO_OLD = "index_too_old"
NATIVE = "native"
AT_ONCE = 4
"""Lookups for followers of receipts that are made at a time, however many follow."""


@dataclass(frozen=True, slots=True)
class Found:
    """Heads of a document's id, of any source; `whole`: where the index could not tell, it is False."""

    heads: Sequence[Head]
    whole: bool


class Lookup:
    """Finds documents by tenant and id. Several sources, and several records of one, may have the same id."""

    def __init__(self, topics: Topics, index: LiveIndex) -> None:
        self._topics, self._index = topics, index
        self._together: Together[Mapping[str, Sequence[Head]]] = Together(AT_ONCE)

    async def standing(self, tenant: str, document_ids: Collection[str]) -> Mapping[str, Sequence[Head]]:
        """The documents that stand under each id, as far as the index can tell; no deletions."""
        found: dict[str, list[Head]] = {}
        keys, _ = await self._keys(tenant, document_ids)
        for head in (await self._index.standing(list(keys))).values():
            if head.tenant == tenant and head.document_id is not None and not head.deleted:
                found.setdefault(head.document_id, []).append(head)
        return {one: found[one] for one in document_ids if one in found}

    async def standing_of(
        self, tenant: str, receipts: Sequence[IndexReceipt]
    ) -> Mapping[str, Sequence[Head]]:
        """As `standing`, of the documents that the receipts are of; looked up once for all who got the same.

        It was looked up after the last of them came, whoever asked first.
        """
        ids = {receipt.document_id for receipt in receipts if receipt.document_id is not None}
        which = tenant, frozenset(receipt.identity for receipt in receipts)
        return await self._together.of(which, lambda: self.standing(tenant, ids))

    async def readable(self, key: Key, document_id: str, source: str | None = None) -> Head:
        """The document that the key may read, of this source where one is named.

        Raises `Rejected` (`absent`) where there is none, `Problem` (`ambiguous`) where there are several.
        """
        standing = (await self.standing(key.tenant, [document_id])).get(document_id, ())
        found = [head for head in standing if head.admits(key.principals) and source in {None, head.source}]
        if len(found) > 1:
            raise _ambiguous(found)
        if not found:
            await self._could_tell(key.tenant, document_id)
            raise Rejected("the index holds no such document that this key may read", code="absent")
        return found[0]

    async def heads(self, tenant: str, document_id: str, source: str | None = None) -> Found:
        """All heads that are held under the id, superseded ones and deletions too."""
        keys, whole = await self._keys(tenant, [document_id])
        every = [head for some in (await self._index.heads(list(keys))).values() for head in some]
        ours = [
            head
            for head in every
            if (head.tenant, head.document_id) == (tenant, document_id) and source in {None, head.source}
        ]
        return Found(ours, whole)

    async def _could_tell(self, tenant: str, document_id: str) -> None:
        """Raises `Problem` where the index can't look up documents of all sources by their id."""
        _, whole = await self._keys(tenant, [document_id])
        if not whole:
            raise too_old()

    async def _keys(self, tenant: str, document_ids: Collection[str]) -> tuple[Collection[UUID], bool]:
        """The keys of the documents of these ids, and whether those are all.

        An index that can't look up ids knows those of the native format, whose keys follow from them.
        """
        try:
            return await self._index.named(tenant, list(document_ids)), True
        except Rejected as error:
            if error.code != TOO_OLD:
                raise
        native = [
            document_key(one.topic, f"{tenant}/{document_id}")
            for one in self._topics.sources
            if one.format == NATIVE and one.tenant in {None, tenant}
            for document_id in document_ids
        ]
        return native, all(one.format == NATIVE for one in self._topics.sources)


def all_readable(key: Key, heads: Sequence[Head], source: str) -> bool:
    """Whether some of these are of the source, and the key may read all of those.

    A receipt says which id and which source it is about, not which record of that source.
    """
    ours = [head for head in heads if head.source == source]
    return bool(ours) and all(head.admits(key.principals) for head in ours)


def too_old() -> Problem:
    """Whether there is such a document can't be told; the same for every id that is not found."""
    return Problem(
        409, TOO_OLD,
        "this index was made before documents of tables could be looked up by their id: whoever runs it makes"
        " it anew with `rag-streams reindex --from topics`",
    )  # fmt: skip


def _ambiguous(found: Sequence[Head]) -> Problem:
    sources = sorted({head.source for head in found})
    if len(sources) > 1:
        detail = "several sources have a document of this id that this key may read; name one as ?source="
    else:
        detail = (
            "several records of the source have this id: what `id` in the sources file makes of them should"
            " tell them apart"
        )
    records = [Offset(topic=head.topic, partition=head.partition, offset=head.offset) for head in found]
    return Problem(409, "ambiguous", detail, sources=sources, records=sorted(map(str, records)))
