"""Passages in Weaviate: read, written and deleted, each in its tenant."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from uuid import UUID

from streams.errors import Retryable
from streams.messages.held import Passage
from streams.stores.chunks import chunks
from streams.stores.weaviate import objects
from streams.stores.weaviate.connect import Session
from streams.stores.weaviate.faults import NoTenant, TooLarge
from streams.stores.weaviate.objects import passage_object
from streams.stores.weaviate.writing import delete, insert, together

READ_AT_ONCE = 500


async def read(session: Session, tenant: str, ids: Sequence[UUID]) -> Sequence[Passage]:
    """The passages that exist among `ids`, with their vectors; unknown tenant: none."""
    found: list[Passage] = []
    try:
        for some in chunks(list(dict.fromkeys(ids)), READ_AT_ONCE):
            found.extend(await _read(session, tenant, some))
    except NoTenant:
        return []
    return found


async def _read(session: Session, tenant: str, ids: Sequence[UUID]) -> list[Passage]:
    try:
        async with session.querying():
            returned = await session.passages(tenant).query.fetch_objects_by_ids(
                ids, limit=len(ids), include_vector=True, return_properties=list(objects.PASSAGE)
            )
    except TooLarge:
        if len(ids) == 1:
            raise
        middle = len(ids) // 2
        return [*await _read(session, tenant, ids[:middle]), *await _read(session, tenant, ids[middle:])]
    return [
        objects.passage(one.uuid, tenant, one.properties, objects.vector_of(one)) for one in returned.objects
    ]


async def present(session: Session, tenant: str, ids: Sequence[UUID]) -> Collection[UUID]:
    """Which of these passages exist; unknown tenant: none."""
    found: set[UUID] = set()
    try:
        for some in chunks(list(dict.fromkeys(ids)), READ_AT_ONCE):
            async with session.querying():
                returned = await session.passages(tenant).query.fetch_objects_by_ids(
                    some, limit=len(some), return_properties=[]
                )
            found.update(one.uuid for one in returned.objects)
    except NoTenant:
        return set()
    return found


async def write(session: Session, passages: Sequence[Passage]) -> None:
    """Writes passages of any tenants, creating tenants as needed; searchable on return."""
    by_tenant: dict[str, list[Passage]] = defaultdict(list)
    for passage in passages:
        by_tenant[passage.tenant].append(passage)
    await session.ensure_tenants(list(by_tenant))
    await together(_write(session, tenant, some) for tenant, some in by_tenant.items())


async def _write(session: Session, tenant: str, passages: Sequence[Passage]) -> None:
    try:
        await insert(session, session.passages(tenant), map(passage_object, passages))
    except NoTenant:
        session.forget_tenant(tenant)
        await session.ensure_tenants([tenant])
        await _write_again(session, tenant, passages)


async def _write_again(session: Session, tenant: str, passages: Sequence[Passage]) -> None:
    try:
        await insert(session, session.passages(tenant), map(passage_object, passages))
    except NoTenant as error:
        raise Retryable(f"Weaviate at {session.config.url} lost the tenant {tenant} again") from error


async def remove(session: Session, tenant: str, ids: Sequence[UUID]) -> None:
    """Deletes passages by id."""
    await delete(session, session.passages(tenant), ids)
