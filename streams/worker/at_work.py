"""One generation at work in a worker: all that reads it, writes it and sweeps behind, built."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from streams.answering.retrieval.reads import Reading
from streams.indexing.applied import Applied, Applies
from streams.indexing.batching.documents import CoalescedDocuments
from streams.indexing.batching.embed import CoalescedEmbedder
from streams.indexing.batching.left import Left
from streams.indexing.batching.portions import PORTION
from streams.indexing.batching.remember import RememberedPassages
from streams.indexing.cutting.cut import Cutter
from streams.indexing.embedding import Progress
from streams.indexing.generations.following import Writing
from streams.indexing.indexer import Indexer
from streams.indexing.vacuum.bury import Burial
from streams.indexing.vacuum.reckoning import Reckoning
from streams.indexing.vacuum.sweeper import Sweeper
from streams.indexing.vacuum.vacuum import Vacuum
from streams.messages.changes import Change, Truncation
from streams.observe.calls import EmbedCalls, StoreCalls, WatchedQueries, WatchedSearch
from streams.ollama.embedder import CANARY_TEXT, CachedQueries
from streams.ports import UNWATCHED, Embedder, Monotonic, Observer, Serving
from streams.settings import Settings
from streams.worker.clock import Clock
from streams.worker.generations import Opened

if TYPE_CHECKING:
    from streams.observe.tracing import Tracing

QUESTIONS_REMEMBERED = 4096


@dataclass(frozen=True, slots=True)
class AtWork:
    """One generation, as a worker reads it, writes it and sweeps behind."""

    opened: Opened
    serving: Serving
    writing: Writing
    sweeper: Sweeper

    waiting: Callable[[], Mapping[str, int]] = dict
    """What waits for the next call of the embedding model or the store, by what it is."""
    embedding: Callable[[], Sequence[Progress]] = tuple
    """How far the documents are that are applied now."""
    batch: Callable[[], int] = lambda: PORTION
    """Texts that go into one call of the embedding model, at most."""

    async def canary(self) -> None:
        """Does what indexing needs, with something fixed; raises where that fails."""
        await self.opened.store.canary()
        await self.opened.embedder.embed_documents([CANARY_TEXT])


class Hinting:
    """An indexer that tells the sweeper which documents it superseded something of."""

    def __init__(self, indexer: Applies, sweeper: Sweeper) -> None:
        self._indexer, self._sweeper = indexer, sweeper

    async def apply(self, change: Change | Truncation) -> Applied:
        """As the indexer's."""
        applied = await self._indexer.apply(change)
        if applied.superseded:
            self._sweeper.hint(change.key)
        return applied


def at_work(
    opened: Opened,
    settings: Settings,
    cutter: Cutter,
    observe: Observer,
    tracing: Tracing | None = None,
    *,
    left: Left | None = None,
    clock: Clock,
    monotonic: Monotonic = time.monotonic,
) -> AtWork:
    """A generation's parts; each worker has them once."""
    embedding = tracing.embeddings(opened.embedder.model) if tracing else UNWATCHED
    store_calls = StoreCalls(observe, time.monotonic, tracing.store() if tracing else UNWATCHED)
    documents = CoalescedDocuments(opened.store, watch=store_calls)
    embedder = CoalescedEmbedder(opened.embedder, watch=EmbedCalls(observe, embedding))
    indexer = Indexer(
        documents,
        _remembering(embedder, settings, observe),
        cutter=cutter,
        chunking=opened.chunking,
        now=clock.late,
        monotonic=monotonic,
        observe=observe,
        left=left,
        generation=opened.generation.name,
    )
    reckoning = Reckoning(opened.store, now=clock.early, monotonic=monotonic)

    async def may() -> bool:
        agrees = await clock.agrees()
        if agrees:
            await reckoning.look()
        return agrees

    sweeper = Sweeper(
        Vacuum(opened.store, now=clock.early, monotonic=monotonic, observe=observe, since=reckoning.since),
        Burial(opened.store, now=clock.late, observe=observe),
        monotonic=monotonic,
        round_s=settings.vacuum_interval_s,
        observe=observe,
        may=may,
    )
    queries = CachedQueries(
        WatchedQueries(opened.embedder, embedding),
        settings.embed_cache_ttl_s,
        QUESTIONS_REMEMBERED,
        time.monotonic,
    )
    return AtWork(
        opened,
        Serving(WatchedSearch(opened.store, store_calls), queries, reading_of(opened, settings).reads),
        Writing(opened.generation, documents, Hinting(indexer, sweeper)),
        sweeper,
        lambda: {**documents.waiting, **embedder.waiting},
        lambda: indexer.embedding,
        lambda: embedder.at_once,
    )


def reading_of(opened: Opened, settings: Settings) -> Reading:
    """What a generation's embedding model reads, by the settings or by asking it."""
    told = None if settings.embed_languages is None else frozenset(settings.embed_languages.split(","))
    return Reading(opened.embedder, told)


def _remembering(embedder: Embedder, settings: Settings, observe: Observer) -> Embedder:
    """With the cache of passages' embeddings that the settings want, if any."""
    if not settings.embed_cache_passages_ttl_s:
        return embedder
    return RememberedPassages(
        embedder,
        ttl_s=settings.embed_cache_passages_ttl_s,
        most_bytes=settings.embed_cache_passages_mb * 1024 * 1024,
        monotonic=time.monotonic,
        observe=observe,
    )
