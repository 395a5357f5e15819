"""Hybrid search in Weaviate: two arms at once, fused here, so that every hit's similarity is known."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from weaviate.classes.query import Filter, MetadataQuery

from streams.messages.changes import EVERYONE
from streams.ports import Hit, SearchQuery
from streams.stores.encoded import encodable_part
from streams.stores.fusion import depth, fuse
from streams.stores.vectors import bounded, cosine
from streams.stores.weaviate.connect import Session
from streams.stores.weaviate.counting import has_word
from streams.stores.weaviate.faults import NoTenant
from streams.stores.weaviate.objects import quoted

FOUND = ["text", "title", "document_key"]
WEIGHED = ["text", "title^2"]
SEARCHES = 3
"""Searches for one query, at most: another one where passages were deleted while they were searched for."""

Scores = Mapping[int, float]
"""By a passage's id, as a number: Python works out a UUID's hash anew each time it is looked for."""


async def hybrid(session: Session, query: SearchQuery) -> Sequence[Hit]:
    """The best passages of the tenant, best first; a tenant that does not exist has none.

    The arms bring ids alone: most of what they find is dropped, and texts take longest to read and to send.
    Where some of the best are gone once their texts are asked for, what took their place is found, too.
    """
    hits: list[Hit] = []
    try:
        for _ in range(SEARCHES):
            best = await _best(session, query)
            hits = await _hits(session, query, best)
            if len(hits) == len(best):
                break
    except NoTenant:
        return []
    return hits


async def _best(session: Session, query: SearchQuery) -> Scores:
    """Of what both arms find, as many as are wanted, best first."""
    near, worded = await asyncio.gather(_by_vector(session, query), _by_words(session, query))
    return dict(list(fuse(near, worded, alpha=query.alpha).items())[: query.limit])


async def _by_vector(session: Session, query: SearchQuery) -> Scores:
    """Cosines."""
    if query.alpha <= 0:
        return {}
    found = await _near(session, query, depth(query.limit), visible(query), [])
    return {one.uuid.int: _similarity(one) for one in found}


async def _by_words(session: Session, query: SearchQuery) -> Scores:
    """BM25's scores."""
    text = encodable_part(query.text)
    if query.alpha >= 1 or not has_word(text):
        return {}
    async with session.querying():
        returned = await session.passages(query.tenant).query.bm25(
            text,
            query_properties=WEIGHED,
            limit=depth(query.limit),
            filters=visible(query),
            return_properties=[],
            return_metadata=MetadataQuery(score=True),
        )
    return {one.uuid.int: one.metadata.score or 0.0 for one in returned.objects}


async def _hits(session: Session, query: SearchQuery, scores: Scores) -> list[Hit]:
    """What the scored passages hold, and how alike they are; those that are gone by now are left out.

    Asked for by vector, as Weaviate gives cosines faster than vectors; and by id what it does not find so: a
    passage whose words are indexed and whose vector is not yet, or, after a crash, not again.
    """
    if not scores:
        return []
    among = visible(query) & Filter.by_id().contains_any([UUID(int=id_) for id_ in scores])
    near = await _near(session, query, len(scores), among, FOUND)
    found = {one.uuid.int: _hit(query, one, scores[one.uuid.int], _similarity(one)) for one in near}
    others = [UUID(int=id_) for id_ in scores if id_ not in found]
    for one in await _by_id(session, query, others) if others else ():
        found[one.uuid.int] = _hit(
            query, one, scores[one.uuid.int], cosine(query.vector, one.vector["default"])
        )
    return [found[id_] for id_ in scores if id_ in found]


async def _by_id(session: Session, query: SearchQuery, ids: Sequence[UUID]) -> Sequence[Any]:
    """Those of the passages that are there, with their vectors."""
    async with session.querying():
        returned = await session.passages(query.tenant).query.fetch_objects(
            filters=visible(query) & Filter.by_id().contains_any(list(ids)),
            limit=len(ids),
            include_vector=True,
            return_properties=FOUND,
        )
    objects: Sequence[Any] = returned.objects
    return objects


async def _near(
    session: Session, query: SearchQuery, limit: int, among: Any, properties: list[str]
) -> Sequence[Any]:
    async with session.querying():
        returned = await session.passages(query.tenant).query.near_vector(
            list(query.vector),
            limit=limit,
            filters=among,
            return_properties=properties,
            return_metadata=MetadataQuery(distance=True),
        )
    objects: Sequence[Any] = returned.objects
    return objects


def _similarity(near: Any) -> float:
    return bounded(1 - (near.metadata.distance or 0.0))


def _hit(query: SearchQuery, found: Any, score: float, similarity: float) -> Hit:
    return Hit(
        id=found.uuid,
        document_key=UUID(found.properties["document_key"]),
        tenant=query.tenant,
        text=found.properties["text"],
        title=found.properties["title"],
        score=score,
        similarity=similarity,
    )


def visible(query: SearchQuery) -> Any:
    """The filter of what the query may see."""
    readers = [quoted(reader) for reader in sorted({EVERYONE, *query.principals})]
    filters = Filter.by_property("readers").contains_any(readers)
    if query.filters:
        filters &= Filter.by_property("metadata").contains_all([quoted(pair) for pair in query.filters])
    if query.exclude:
        filters &= Filter.by_id().contains_none(list(query.exclude))
    return filters
