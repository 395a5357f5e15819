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
from streams.stores.weaviate.objects import quoted, vector_of

FOUND = ["text", "title", "document_key"]
WEIGHED = ["text", "title^2"]

Objects = Mapping[UUID, Any]
"""What an arm found, as the client gives it, best first."""


async def hybrid(session: Session, query: SearchQuery) -> Sequence[Hit]:
    """The best passages of the tenant, best first; a tenant that does not exist has none."""
    try:
        near, worded = await asyncio.gather(_by_vector(session, query), _by_words(session, query))
    except NoTenant:
        return []
    scores = fuse(
        {id_: _similarity(one) for id_, one in near.items()},
        {id_: one.metadata.score or 0.0 for id_, one in worded.items()},
        alpha=query.alpha,
    )
    # Most of what the arms found is dropped here: only of the rest is it worth to make hits.
    best = list(scores.items())[: query.limit]
    return [_hit(query, id_, near.get(id_), worded.get(id_), score) for id_, score in best]


async def _by_vector(session: Session, query: SearchQuery) -> Objects:
    if query.alpha <= 0:
        return {}
    async with session.querying():
        returned = await session.passages(query.tenant).query.near_vector(
            list(query.vector),
            limit=depth(query.limit),
            filters=visible(query),
            return_properties=FOUND,
            return_metadata=MetadataQuery(distance=True),
        )
    return {one.uuid: one for one in returned.objects}


async def _by_words(session: Session, query: SearchQuery) -> Objects:
    text = encodable_part(query.text)
    if query.alpha >= 1 or not has_word(text):
        return {}
    async with session.querying():
        returned = await session.passages(query.tenant).query.bm25(
            text,
            query_properties=WEIGHED,
            limit=depth(query.limit),
            filters=visible(query),
            include_vector=True,
            return_properties=FOUND,
            return_metadata=MetadataQuery(score=True),
        )
    return {one.uuid: one for one in returned.objects}


def _similarity(near: Any) -> float:
    return bounded(1 - (near.metadata.distance or 0.0))


def _hit(query: SearchQuery, id_: UUID, near: Any, worded: Any, score: float) -> Hit:
    """A passage that either arm found, or both."""
    properties = (near or worded).properties
    return Hit(
        id=id_,
        document_key=UUID(properties["document_key"]),
        tenant=query.tenant,
        text=properties["text"],
        title=properties["title"],
        score=score,
        similarity=_similarity(near) if near else cosine(query.vector, vector_of(worded)),
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
