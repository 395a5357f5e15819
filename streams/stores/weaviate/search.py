"""Hybrid search in Weaviate: two arms at once, fused here, so that every hit's similarity is known."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from weaviate.classes.query import Filter, MetadataQuery

from streams.messages.changes import EVERYONE
from streams.messages.held import Vector
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


async def hybrid(session: Session, query: SearchQuery) -> Sequence[Hit]:
    """The best passages of the tenant, best first; a tenant that does not exist has none."""
    try:
        near, worded = await asyncio.gather(_by_vector(session, query), _by_words(session, query))
    except NoTenant:
        return []
    scores = fuse(
        {id_: hit.similarity for id_, hit in near.items()},
        {id_: one.hit.score for id_, one in worded.items()},
        alpha=query.alpha,
    )
    best = list(scores.items())[: query.limit]
    return [replace(near.get(id_) or worded[id_].measured(query), score=score) for id_, score in best]


@dataclass(frozen=True, slots=True)
class _Worded:
    """What the word arm found, with its vector: how similar it is, is only worked out where that is asked."""

    hit: Hit
    vector: Vector

    def measured(self, query: SearchQuery) -> Hit:
        return replace(self.hit, similarity=cosine(query.vector, self.vector))


async def _by_vector(session: Session, query: SearchQuery) -> dict[UUID, Hit]:
    """What the vector arm finds, best first; `score` is not set."""
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
    return {
        one.uuid: _hit(query.tenant, one.uuid, one.properties, similarity=1 - (one.metadata.distance or 0.0))
        for one in returned.objects
    }


async def _by_words(session: Session, query: SearchQuery) -> dict[UUID, _Worded]:
    """What the word arm finds, best first; `score` is BM25's."""
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
    return {
        one.uuid: _Worded(
            _hit(query.tenant, one.uuid, one.properties, score=one.metadata.score or 0.0), vector_of(one)
        )
        for one in returned.objects
    }


def _hit(
    tenant: str, id_: UUID, properties: Mapping[str, Any], *, similarity: float = 0.0, score: float = 0.0
) -> Hit:
    return Hit(
        id=id_,
        document_key=UUID(properties["document_key"]),
        tenant=tenant,
        text=properties["text"],
        title=properties["title"],
        score=score,
        similarity=bounded(similarity),
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
