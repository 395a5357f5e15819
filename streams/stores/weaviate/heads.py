"""Heads in Weaviate: read however many there are, written and deleted on every replica."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from weaviate.classes.query import Filter, Sort

from streams.errors import Rejected
from streams.messages.changes import name_uuid
from streams.messages.held import Head
from streams.messages.position import Position
from streams.stores.chunks import chunks
from streams.stores.encoded import decoded_head
from streams.stores.weaviate.connect import Session
from streams.stores.weaviate.faults import TooLarge
from streams.stores.weaviate.objects import BODY, CURRENT, head_object
from streams.stores.weaviate.writing import delete, insert

DOCUMENTS_AT_ONCE = 200
PAGE = 5000
"""Heads that one query gives at most; without a limit it would be ten."""

Found = Mapping[str, Any]


async def read(session: Session, document_keys: Sequence[UUID]) -> Mapping[UUID, Sequence[Head]]:
    """All heads of each document."""
    heads: dict[UUID, list[Head]] = defaultdict(list)
    for keys in chunks(list(dict.fromkeys(document_keys)), DOCUMENTS_AT_ONCE):
        for properties in await properties_of(session, keys, BODY):
            head = decoded_head(properties["body"])
            heads[head.document_key].append(head)
    return dict(heads)


async def read_current(session: Session, document_keys: Sequence[UUID]) -> Mapping[UUID, Head]:
    """The head with the highest position of each document; no other is decoded.

    A query gives either one document's best or all of all. Those of a document that is edited all the time
    are many, and to decode them took most of a worker's time.
    """
    bodies: dict[str, tuple[str, str]] = {}
    for keys in chunks(list(dict.fromkeys(document_keys)), DOCUMENTS_AT_ONCE):
        for one in await properties_of(session, keys, CURRENT):
            latest = bodies.get(one["document_key"])
            if latest is None or one["position"] > latest[0]:
                bodies[one["document_key"]] = (one["position"], one["body"])
    heads = [decoded_head(body) for _, body in bodies.values()]
    return {head.document_key: head for head in heads}


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
    """As `properties_of`, for one document with many heads or large ones: by position, page by page."""
    every: list[Found] = []
    limit = PAGE
    while True:
        try:
            found = await _page_after(session, key, names, every[-1]["position"] if every else "", limit)
        except TooLarge as error:
            limit = _smaller(limit, key, error)
            continue
        every.extend(found)
        if len(found) < limit:
            return every


def _smaller(limit: int, key: UUID, error: TooLarge) -> int:
    if limit == 1:
        raise Rejected(
            f"a head of {key} is larger than one message of Weaviate may be (GRPC_MAX_MESSAGE_SIZE)",
            code="too_large",
        ) from error
    return max(1, limit // 10)


async def _page_after(
    session: Session, key: UUID, names: Sequence[str], position: str, limit: int
) -> list[Found]:
    where = _among([key]) & Filter.by_property("position").greater_than(position)
    by_position = Sort.by_property("position")
    return await _page(session, where, list({*names, "position"}), limit, by_position)


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
    await insert(session, session.heads, map(head_object, heads))


async def remove(session: Session, positions: Mapping[UUID, Collection[Position]]) -> None:
    """Deletes those of each document."""
    ids = [head_id(key, position) for key, some in positions.items() for position in some]
    await delete(session, session.heads, ids)


def head_id(document_key: UUID, position: Position) -> UUID:
    """The id of the head of a document at a position: `Head.id`."""
    return name_uuid("head", str(document_key), str(position))
