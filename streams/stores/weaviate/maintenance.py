"""What the vacuum asks of Weaviate, in parts that a query can give."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

from weaviate.classes.query import Filter
from weaviate.exceptions import UnexpectedStatusCodeError

from streams.messages.held import head_id
from streams.messages.position import Position
from streams.pages import pages
from streams.ports import PassageRef
from streams.stores.chunks import chunks
from streams.stores.encoded import encoded_time
from streams.stores.weaviate.connect import Session
from streams.stores.weaviate.faults import NoTenant
from streams.stores.weaviate.heads import DOCUMENTS_AT_ONCE, Found, properties_of
from streams.stores.weaviate.objects import BRANCH_DIGITS, REF, STUB, passage_ref
from streams.stores.weaviate.record import CANARY_TENANT
from streams.stores.weaviate.writing import together

PAGE = 5000
SETTLE_AT_ONCE = 16
DIGITS = "0123456789abcdef"
NOT_FOUND = 404

T = TypeVar("T")


async def in_parts(fetch: Callable[[str], Awaitable[Sequence[T]]], prefix: str = "") -> AsyncIterator[T]:
    """All that `fetch` gives for ids of any beginning: where a page is full, for each next digit in turn.

    A filtered query has no cursor, and ends at 10,000 results.
    """
    found = await fetch(prefix)
    if len(found) < PAGE or len(prefix) == BRANCH_DIGITS:
        for one in found:
            yield one
        return
    for digit in DIGITS:
        async for one in in_parts(fetch, prefix + digit):
            yield one


async def unsettled(session: Session, written_before: datetime) -> AsyncIterator[UUID]:
    """Keys of documents with a superseded head, or a deletion, written before then.

    Every head is written unsettled. One that turns out to be its document's only one, and no deletion,
    is marked settled here and not looked at again: what supersedes it will be unsettled itself.
    """
    named: set[UUID] = set()
    unsettled = in_parts(lambda prefix: _unsettled(session, prefix, written_before))
    async for keys in pages(unsettled, DOCUMENTS_AT_ONCE):
        new = [key for key in dict.fromkeys(keys) if key not in named]
        named.update(new)
        for key in await _still_unsettled(session, new):
            yield key


async def _unsettled(session: Session, prefix: str, written_before: datetime) -> list[UUID]:
    where = Filter.by_property("settled").equal(False)
    where &= Filter.by_property("written").less_than(encoded_time(written_before))
    if prefix:
        where &= Filter.by_property("document_key").like(f"{prefix}*")
    async with session.querying():
        returned = await session.heads.query.fetch_objects(
            filters=where, limit=PAGE, return_properties=["document_key"]
        )
    return [UUID(one.properties["document_key"]) for one in returned.objects]


async def _still_unsettled(session: Session, keys: Sequence[UUID]) -> list[UUID]:
    heads: dict[UUID, list[Found]] = defaultdict(list)
    for found in await properties_of(session, keys, STUB) if keys else ():
        heads[UUID(found["document_key"])].append(found)
    alone = [some[0] for some in heads.values() if len(some) == 1 and not some[0]["deleted"]]
    for some in chunks(alone, SETTLE_AT_ONCE):
        await together(_settle(session, found) for found in some)
    settled = {UUID(found["document_key"]) for found in alone}
    return [key for key in heads if key not in settled]


async def _settle(session: Session, found: Found) -> None:
    id_ = head_id(UUID(found["document_key"]), Position.parse(found["position"]))
    async with session.writing():
        try:
            await session.heads.data.update(id_, properties={"settled": True})
        except UnexpectedStatusCodeError as error:
            # Gone in the meantime: an update makes nothing that is not there.
            if error.status_code != NOT_FOUND:
                raise


async def passages_of(session: Session, document_keys: Sequence[UUID], tenant: str) -> Sequence[PassageRef]:
    """Every passage of the documents in that tenant, listed or not."""
    found: list[PassageRef] = []
    try:
        for keys in chunks(document_keys, DOCUMENTS_AT_ONCE):
            refs = in_parts(partial(_refs, session, keys, tenant))
            found += [ref async for ref in refs]
    except NoTenant:
        return []
    return found


async def _refs(session: Session, keys: Sequence[UUID], tenant: str, prefix: str) -> list[PassageRef]:
    where = Filter.by_property("document_key").contains_any([str(key) for key in keys])
    if prefix:
        where &= Filter.by_property("branches").equal(prefix)
    async with session.querying():
        returned = await session.passages(tenant).query.fetch_objects(
            filters=where, limit=PAGE, return_properties=list(REF)
        )
    return [passage_ref(one.uuid, tenant, one.properties) for one in returned.objects]


async def passages_written_before(session: Session, written: datetime) -> AsyncIterator[PassageRef]:
    """Every passage of every tenant written before then, by reading all of them."""
    async with session.querying():
        tenants = await session.all_passages.tenants.get()
    before = encoded_time(written)
    for tenant in sorted(set(tenants) - {CANARY_TENANT}):
        async for one in _every(session, tenant):
            if one.properties["written"] < before:
                yield passage_ref(one.uuid, tenant, one.properties)


async def _every(session: Session, tenant: str) -> AsyncIterator[Any]:
    last: UUID | None = None
    while True:
        try:
            async with session.querying():
                returned = await session.passages(tenant).query.fetch_objects(
                    limit=PAGE, after=last, return_properties=list(REF)
                )
        except NoTenant:
            return
        for one in returned.objects:
            yield one
        if len(returned.objects) < PAGE:
            return
        last = returned.objects[-1].uuid
