"""The collections that hold the index, made where there are none.

Each index of a property is written for every object, so only what queries look for has one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from weaviate.classes.config import (
    Configure,
    DataType,
    Property,
    StopwordsPreset,
    Tokenization,
    VectorDistances,
)
from weaviate.exceptions import UnexpectedStatusCodeError

from streams.stores.weaviate.connect import Session, WeaviateConfig

UNPROCESSABLE = 422

Definition = Mapping[str, Any]


async def ensure(session: Session) -> None:
    """Makes the collections of the configured generation, unless they are there."""
    await create(session, session.config.passages, passages)
    await create(session, session.config.heads, heads)


async def create(session: Session, name: str, definition: Callable[[Session], Definition]) -> bool:
    """Makes one collection; False where it is there already. Of several that try at once, one succeeds."""
    async with session.querying():
        if await session.client.collections.exists(name):
            return False
    async with session.writing():
        try:
            await session.client.collections.create(name, **definition(session))
        except UnexpectedStatusCodeError as error:
            if error.status_code != UNPROCESSABLE or "already exists" not in str(error):
                raise
            return False
    return True


def passages(session: Session) -> Definition:
    """Passages: one tenant a shard, vectors by cosine, words of text and title."""
    return _stored(session) | {
        "description": "Passages of documents; which of them count is for the heads to say.",
        "properties": [
            _words("text"),
            _words("title"),
            _exact("document_key"),
            _exact("readers", DataType.TEXT_ARRAY),
            _exact("metadata", DataType.TEXT_ARRAY),
            _unindexed("born"),
            _unindexed("written"),
            _exact("branches", DataType.TEXT_ARRAY),
        ],
        "vector_config": Configure.Vectors.self_provided(vector_index_config=_graph(session.config)),
        # No stopwords: a title may consist of them, BM25 weighs them down, and they are English ones.
        "inverted_index_config": Configure.inverted_index(stopwords_preset=StopwordsPreset.NONE),
        "multi_tenancy_config": Configure.multi_tenancy(enabled=True),
    }


def heads(session: Session) -> Definition:
    """Heads: no vectors, no tenants; what is looked up by is a property, the rest is the body."""
    return _stored(session) | {
        "description": "Documents at their positions; the head with the highest position is the document.",
        "properties": [
            _exact("document_key"),
            _exact("position"),
            _exact("written"),
            _exact("source"),
            _exact("tenant"),
            _exact("document_id"),
            Property(name="deleted", data_type=DataType.BOOL, index_filterable=False),
            Property(name="settled", data_type=DataType.BOOL, index_filterable=True),
            _unindexed("body"),
        ],
        "vector_config": Configure.Vectors.self_provided(vector_index_config=Configure.VectorIndex.none()),
    }


def _graph(config: WeaviateConfig) -> Any:
    # Half of Weaviate's own sizes: the search weighs 480 passages at least, which makes up for them.
    return Configure.VectorIndex.hnsw(
        distance_metric=VectorDistances.COSINE,
        ef_construction=config.ef_construction,
        max_connections=config.max_connections,
    )


def _stored(session: Session) -> dict[str, Any]:
    factor = session.config.replication_factor
    # Replicas that missed a write are repaired in the background only where that is turned on.
    return {"replication_config": Configure.replication(factor=factor, async_enabled=factor > 1)}


def _words(name: str) -> Property:
    # A filter for a word could read the index that BM25 has, but takes half as long again to count with it.
    return Property(
        name=name,
        data_type=DataType.TEXT,
        tokenization=Tokenization.WORD,
        index_filterable=True,
        index_searchable=True,
        text_analyzer=Configure.text_analyzer(ascii_fold=True),
    )


def _exact(name: str, data_type: DataType = DataType.TEXT) -> Property:
    """A property that is matched as a whole: any other tokenization finds `kb-42 old` for `kb/42`."""
    return Property(
        name=name,
        data_type=data_type,
        tokenization=Tokenization.FIELD,
        index_filterable=True,
        index_searchable=False,
    )


def _unindexed(name: str) -> Property:
    return Property(
        name=name,
        data_type=DataType.TEXT,
        tokenization=Tokenization.FIELD,
        index_filterable=False,
        index_searchable=False,
    )
