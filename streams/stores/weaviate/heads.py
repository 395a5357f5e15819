"""Heads in Weaviate: read however many there are, written and deleted on every replica."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from weaviate.classes.query import Filter, Sort

from streams.errors import Rejected
from streams.messages.held import Head, head_id, sharing
from streams.messages.position import Position
from streams.stores.chunks import chunks
from streams.stores.encoded import decoded_head
from streams.stores.weaviate.connect import Session
from streams.stores.weaviate.faults import TooLarge
from streams.stores.weaviate.objects import BODY, head_object
from streams.stores.weaviate.writing import delete, insert

DOCUMENTS_AT_ONCE = 200
PAGE = 5000
"""Heads that one query gives at most; without a limit it would be ten."""

Found = Mapping[str, Any]


async def read(session: Session, document_keys: Sequence[UUID]) -> Mapping[UUID, Sequence[Head]]:
    """All heads of each document."""
    heads: dict[UUID, list[Head]] = {}
    for keys in chunks(list(dict.fromkeys(document_keys)), DOCUMENTS_AT_ONCE):
        async for found in _pages_of(session, keys, BODY):
            for one in found:
                head = decoded_head(one["body"])
                before = heads.setdefault(head.document_key, [])
                before.append(sharing(head, before[-1]) if before else head)
    return heads


async def properties_of(session: Session, keys: Sequence[UUID], names: Sequence[str]) -> list[Found]:
    """The named properties of all heads of these documents."""
    return [one async for found in _pages_of(session, keys, names) for one in found]


async def _pages_of(
    session: Session, keys: Sequence[UUID], names: Sequence[str]
) -> AsyncIterator[list[Found]]:
    """As `properties_of`, an answer at a time: asked for in halves where a page is too short."""
    try:
        found = await page(session, among(keys), names, PAGE)
    except TooLarge:
        found = None
    if found is not None and len(found) < PAGE:
        yield found
        return
    if len(keys) == 1:
        async for some in _pages_of_one(session, keys[0], names):
            yield some
        return
    for half in chunks(keys, -(-len(keys) // 2)):
        async for some in _pages_of(session, half, names):
            yield some


async def _pages_of_one(session: Session, key: UUID, names: Sequence[str]) -> AsyncIterator[list[Found]]:
    """As `_pages_of`, for one document with many heads or large ones: by position."""
    position, limit = "", PAGE
    while True:
        try:
            found = await _page_after(session, key, names, position, limit)
        except TooLarge as error:
            limit = _smaller(limit, key, error)
            continue
        if found:
            position = found[-1]["position"]
            yield found
        if len(found) < limit:
            return


def _smaller(limit: int, key: UUID, error: TooLarge) -> int:
    if limit == 1:
        raise too_large(key) from error
    return max(1, limit // 10)


def too_large(key: UUID | str) -> Rejected:
    """What is raised of a document a head of which can't be read."""
    return Rejected(
        f"a head of {key} is larger than one message of Weaviate may be (GRPC_MAX_MESSAGE_SIZE)",
        code="too_large",
    )


async def _page_after(
    session: Session, key: UUID, names: Sequence[str], position: str, limit: int
) -> list[Found]:
    where = among([key]) & Filter.by_property("position").greater_than(position)
    by_position = Sort.by_property("position")
    return await page(session, where, list({*names, "position"}), limit, by_position)


async def page(
    session: Session, where: Any, names: Sequence[str], limit: int, sort: Any = None
) -> list[Found]:
    """The named properties of heads that `where` says, `limit` at most. Raises `TooLarge`."""
    async with session.querying():
        returned = await session.heads.query.fetch_objects(
            filters=where, limit=limit, sort=sort, return_properties=list(names)
        )
    return [one.properties for one in returned.objects]


def among(keys: Sequence[UUID]) -> Any:
    """The filter of the heads of these documents."""
    return Filter.by_property("document_key").contains_any([str(key) for key in keys])


async def write(session: Session, heads: Sequence[Head]) -> None:
    """Writes heads; visible to `read` on return."""
    await insert(session, session.heads, map(head_object, heads))


async def remove(session: Session, positions: Mapping[UUID, Collection[Position]]) -> None:
    """Deletes those of each document."""
    ids = [head_id(key, position) for key, some in positions.items() for position in some]
    await delete(session, session.heads, ids)
