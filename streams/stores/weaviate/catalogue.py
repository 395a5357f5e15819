"""Which documents there are, in parts that a query can give."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID

from weaviate.classes.query import Filter

from streams.errors import Rejected
from streams.stores.chunks import chunks
from streams.stores.weaviate import maintenance
from streams.stores.weaviate.connect import Session
from streams.stores.weaviate.objects import quoted
from streams.stores.weaviate.record import CANARY

DIGITS = "0123456789abcdef"
WHOLE = 32
"""Digits of a document key."""
IDS_AT_ONCE = 200


async def document_keys(session: Session, source: str | None, after: UUID | None) -> AsyncIterator[UUID]:
    """The keys of all documents that have a head, of `source` if given, above `after`, ascending."""
    where = None if source is None else Filter.by_property("source").equal(quoted(source))
    async for key in _beginning(session, where, "" if after is None else after.hex, ""):
        if key != CANARY and (after is None or key > after):
            yield key


async def named(session: Session, tenant: str, document_ids: Sequence[str]) -> set[UUID]:
    """The keys of all documents that have a head of this tenant with one of these ids.

    Raises `Rejected` (`index_too_old`) where ids are not indexed, as they were not at first.
    """
    if not await session.has_ids():
        raise Rejected(
            "this index was made before documents of every source could be looked up by their id:"
            " make it anew with `rag-streams reindex --from topics`",
            code="index_too_old",
        )
    found: set[UUID] = set()
    for some in chunks(list(dict.fromkeys(document_ids)), IDS_AT_ONCE):
        where = Filter.by_property("tenant").equal(quoted(tenant)) & Filter.by_property(
            "document_id"
        ).contains_any([quoted(one) for one in some])
        found.update([key async for key in _beginning(session, where, "", "")])
    return found


async def _beginning(session: Session, where: Any, after: str, prefix: str) -> AsyncIterator[UUID]:
    """The keys, of heads that are `where`, that begin with `prefix`, but some of those below `after`.

    A page that is full may lack some: it is asked for again, by each next digit.
    """
    found, whole = await _page(session, where, prefix)
    if whole or len(prefix) == WHOLE:
        for key in sorted(found):
            yield key
        return
    for longer in (prefix + digit for digit in DIGITS):
        if longer >= after[: len(longer)]:
            async for key in _beginning(session, where, after, longer):
                yield key


async def _page(session: Session, where: Any, prefix: str) -> tuple[set[UUID], bool]:
    """The keys of a page of heads, and whether those were all."""
    async with session.querying():
        returned = await session.heads.query.fetch_objects(
            filters=_which(where, prefix), limit=maintenance.PAGE, return_properties=["document_key"]
        )
    keys = {UUID(one.properties["document_key"]) for one in returned.objects}
    return keys, len(returned.objects) < maintenance.PAGE


def _which(where: Any, prefix: str) -> Any:
    filters = [] if where is None else [where]
    if prefix:
        filters.append(Filter.by_property("document_key").like(f"{dashed(prefix)}*"))
    return Filter.all_of(filters) if filters else None


def dashed(digits: str) -> str:
    """The beginning of a UUID's text that these first digits of it make."""
    ends = (8, 12, 16, 20, WHOLE)
    groups = [digits[start:end] for start, end in zip((0, *ends), ends, strict=False)]
    return "-".join(group for group in groups if group)
