"""Heads in Weaviate: read however many there are, written and deleted on every replica."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from weaviate.classes.query import Filter, Sort

from streams.messages.changes import name_uuid
from streams.messages.held import Head
from streams.messages.position import Position
from streams.stores.chunks import chunks
from streams.stores.encoded import decoded_head
from streams.stores.weaviate.connect import Session
from streams.stores.weaviate.faults import TooLarge
from streams.stores.weaviate.objects import BODY, head_object
from streams.stores.weaviate.writing import delete, insert

DOCUMENTS_AT_ONCE = 200
PAGE = 1000
"""Heads that one query gives; without a limit it would be ten."""
PAGE_OF_ONE = 10
"""Heads of one document that one query gives where PAGE are too many: each may have megabytes."""

Found = Mapping[str, Any]


async def read(session: Session, document_keys: Sequence[UUID]) -> Mapping[UUID, Sequence[Head]]:
    """All heads of each document."""
    heads: dict[UUID, list[Head]] = defaultdict(list)
    for keys in chunks(list(dict.fromkeys(document_keys)), DOCUMENTS_AT_ONCE):
        for properties in await properties_of(session, keys, BODY):
            head = decoded_head(properties["body"])
            heads[head.document_key].append(head)
    return dict(heads)


async def properties_of(session: Session, keys: Sequence[UUID], names: Sequence[str]) -> list[Found]:
    """The named properties of all heads of these documents, asked for in halves where a page is too short."""
    try:
        found = await _page(session, _among(keys), names, PAGE)
    except TooLarge:
        found = None
    if found is not None and len(found) < PAGE:
        return found
    if len(keys) == 1:
        return await _properties_of_one(session, keys[0], names)
    middle = len(keys) // 2
    return [
        *await properties_of(session, keys[:middle], names),
        *await properties_of(session, keys[middle:], names),
    ]


async def _properties_of_one(session: Session, key: UUID, names: Sequence[str]) -> list[Found]:
    every: list[Found] = []
    while True:
        where = _among([key])
        if every:
            where &= Filter.by_property("position").greater_than(every[-1]["position"])
        found = await _page(
            session, where, list({*names, "position"}), PAGE_OF_ONE, sort=Sort.by_property("position")
        )
        every.extend(found)
        if len(found) < PAGE_OF_ONE:
            return every


async def _page(
    session: Session, where: Any, names: Sequence[str], limit: int, sort: Any = None
) -> list[Found]:
    async with session.querying():
        returned = await session.heads.query.fetch_objects(
            filters=where, limit=limit, sort=sort, return_properties=list(names)
        )
    return [one.properties for one in returned.objects]


def _among(keys: Sequence[UUID]) -> Any:
    return Filter.by_property("document_key").contains_any([str(key) for key in keys])


async def write(session: Session, heads: Sequence[Head]) -> None:
    """Writes heads; visible to `read` on return."""
    await insert(session, session.heads, [head_object(head) for head in heads])


async def remove(session: Session, document_key: UUID, positions: Sequence[Position]) -> None:
    """Deletes by document and position."""
    ids = [head_id(document_key, position) for position in positions]
    await delete(session, session.heads, ids)


def head_id(document_key: UUID, position: Position) -> UUID:
    """The id of the head of a document at a position: `Head.id`."""
    return name_uuid("head", str(document_key), str(position))
