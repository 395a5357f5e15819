"""Which documents there are, in parts that a query can give."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

from weaviate.classes.query import Filter

from streams.stores.weaviate import maintenance
from streams.stores.weaviate.connect import Session
from streams.stores.weaviate.objects import quoted
from streams.stores.weaviate.record import CANARY

DIGITS = "0123456789abcdef"
WHOLE = 32
"""Digits of a document key."""


async def document_keys(session: Session, source: str | None, after: UUID | None) -> AsyncIterator[UUID]:
    """The keys of all documents that have a head, of `source` if given, above `after`, ascending."""
    async for key in _beginning(session, source, "" if after is None else after.hex, ""):
        if key != CANARY and (after is None or key > after):
            yield key


async def _beginning(session: Session, source: str | None, after: str, prefix: str) -> AsyncIterator[UUID]:
    """The keys that begin with `prefix`, or the part of them that is not below `after` for certain.

    A page that is full may lack some: it is asked for again, by each next digit.
    """
    found, whole = await _page(session, source, prefix)
    if whole or len(prefix) == WHOLE:
        for key in sorted(found):
            yield key
        return
    for longer in (prefix + digit for digit in DIGITS):
        if longer >= after[: len(longer)]:
            async for key in _beginning(session, source, after, longer):
                yield key


async def _page(session: Session, source: str | None, prefix: str) -> tuple[set[UUID], bool]:
    """The keys of a page of heads, and whether those were all."""
    async with session.querying():
        returned = await session.heads.query.fetch_objects(
            filters=_which(source, prefix), limit=maintenance.PAGE, return_properties=["document_key"]
        )
    keys = {UUID(one.properties["document_key"]) for one in returned.objects}
    return keys, len(returned.objects) < maintenance.PAGE


def _which(source: str | None, prefix: str) -> Any:
    filters = []
    if source is not None:
        filters.append(Filter.by_property("source").equal(quoted(source)))
    if prefix:
        filters.append(Filter.by_property("document_key").like(f"{dashed(prefix)}*"))
    return Filter.all_of(filters) if filters else None


def dashed(digits: str) -> str:
    """The beginning of a UUID's text that these first digits of it make."""
    ends = (8, 12, 16, 20, WHOLE)
    groups = [digits[start:end] for start, end in zip((0, *ends), ends, strict=False)]
    return "-".join(group for group in groups if group)
