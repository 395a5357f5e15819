"""Calls to the store and to the embedding model, timed and counted, and made spans of where traces are on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING
from uuid import UUID

from streams.errors import StreamsError
from streams.indexing.batching.wrapped import WrappedEmbedder
from streams.ports import UNWATCHED, Embedder, Hit, Monotonic, Observed, Observer, Search, SearchQuery, Watch

if TYPE_CHECKING:
    from streams.messages.held import Head, Vector


class StoreCalls:
    """Watches calls to a store; `traced` is what makes spans of them."""

    def __init__(self, observe: Observer, monotonic: Monotonic, traced: Watch = UNWATCHED) -> None:
        self._observe, self._monotonic, self._traced = observe, monotonic, traced

    def asked(self, operation: str, items: int) -> AbstractContextManager[object]:
        """The caller's span, if any."""
        return self._traced.asked(operation, items)

    @contextmanager
    def call(self, operation: str, items: int, callers: Sequence[object] = ()) -> Iterator[None]:
        """Times the call, or counts its failure."""
        labels, began = {"operation": operation}, self._monotonic()
        self._observe(Observed("store_batch_objects", items, labels))
        try:
            with self._traced.call(operation, items, callers):
                yield
        except StreamsError as error:
            self._observe(Observed("store_errors", labels={"operation": operation, "code": error.code}))
            raise
        self._observe(Observed("store_request_seconds", self._monotonic() - began, labels))


class EmbedCalls:
    """Watches calls of the embedding model; their requests are timed where they are made."""

    def __init__(self, observe: Observer, traced: Watch = UNWATCHED) -> None:
        self._observe, self._traced = observe, traced

    def asked(self, operation: str, items: int) -> AbstractContextManager[object]:
        """The caller's span, if any."""
        return self._traced.asked(operation, items)

    def call(
        self, operation: str, items: int, callers: Sequence[object] = ()
    ) -> AbstractContextManager[None]:
        """Counts the texts."""
        self._observe(Observed("embed_batch_texts", items))
        return self._traced.call(operation, items, callers)


class WatchedSearch:
    """A `Search` whose calls are watched."""

    def __init__(self, search: Search, watch: Watch) -> None:
        self._search, self._watch = search, watch

    async def hybrid(self, query: SearchQuery) -> Sequence[Hit]:
        """As the search's."""
        with self._watch.call("hybrid", 1):
            return await self._search.hybrid(query)

    async def current_heads(self, document_keys: Sequence[UUID]) -> Mapping[UUID, Head]:
        """As the search's."""
        with self._watch.call("heads", len(document_keys)):
            return await self._search.current_heads(document_keys)

    async def word_counts(self, tenant: str, words: Sequence[str]) -> tuple[int, Mapping[str, int]]:
        """As the search's."""
        with self._watch.call("word_counts", len(words)):
            return await self._search.word_counts(tenant, words)


class WatchedQueries(WrappedEmbedder):
    """An embedder of which the questions are watched."""

    def __init__(self, embedder: Embedder, watch: Watch) -> None:
        super().__init__(embedder)
        self._watch = watch

    async def embed_query(self, text: str) -> Vector:
        """As the embedder's."""
        with self._watch.call("embed", 1):
            return await self._embedder.embed_query(text)
