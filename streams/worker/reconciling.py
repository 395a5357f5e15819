"""Reconciliation, wired: the topics and the index of these settings, and what mends the one by the other."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from streams import sources
from streams.errors import Misconfigured, Retryable
from streams.indexing.generations.following import FollowingIndexer
from streams.kafka.log import KafkaLog
from streams.kafka.schemas import Schemas
from streams.kafka.watermarks import CommittedOffsets
from streams.messages.changes import Said
from streams.messages.records import Record
from streams.ollama.client import OllamaClient
from streams.ollama.embedder import open_embedder
from streams.ports import Generation, unobserved
from streams.reconcile.mending import Apply
from streams.reconcile.reading import Decode
from streams.reconcile.reconciler import Asked, Progress, Reconciler
from streams.reconcile.spool import Spool
from streams.settings import Settings
from streams.wiring import connection, read_topics
from streams.worker.clock import Clock
from streams.worker.cutting import cutter_of
from streams.worker.generations import Openings, agreed
from streams.worker.live import live_of
from streams.worker.parts import Index, Store, ollama_config, open_schemas


def asked(
    settings: Settings, *, source: str | None, tenant: str | None, wait_s: float, trusted: bool = False
) -> Asked:
    """What is compared. Raises `Misconfigured` where `source` is no topic that is read."""
    topics = [one.topic for one in read_topics(settings).sources]
    if source is not None and source not in topics:
        raise Misconfigured(
            f"{source} is no source: there are {', '.join(topics)}; see STREAMS_SOURCES",
            setting="STREAMS_SOURCES",
        )
    return Asked([source] if source else topics, tenant, wait_s, every_source=source is None, trusted=trusted)


@asynccontextmanager
async def reconciler(
    settings: Settings, store: Store, asked: Asked, spool: Spool, progress: Progress
) -> AsyncIterator[Reconciler]:
    """The reconciler of these settings' topics with `store`."""
    there, read = connection(settings), read_topics(settings)
    async with AsyncExitStack() as stack:
        consumed = CommittedOffsets(there, f"{settings.group}-index", asked.topics)
        stack.push_async_callback(consumed.close)
        yield Reconciler(
            asked,
            log=KafkaLog(there),
            spool=spool,
            index=store,
            consumed=consumed,
            decode=decoder(settings, read, await open_schemas(settings, read, stack)),
            dead_topic=settings.topic_documents_dead,
            monotonic=time.monotonic,
            progress=progress,
        )


async def unswitched(index: Index, live: Generation) -> None:
    """Raises `Retryable` where another generation than `live` is the live one by now.

    What was found is of one that nobody asks any more, and a repair of it goes to the other one.
    """
    record = await index.generations()
    if record is not None and record.live.name != live.name:
        raise Retryable(
            "`rag-streams reindex` switched the index to another generation meanwhile: what was found is of"
            " the one before, and counts no more. Run this again",
            code="generation_switched",
        )


def decoder(settings: Settings, read: sources.Topics, schemas: Schemas) -> Decode:
    """What a record of a source says, its schemas fetched before."""
    by_topic = {source.topic: source for source in read.sources}
    tombstones = sources.Tombstones()

    async def decode(record: Record) -> tuple[Said, ...]:
        source = by_topic[record.topic]
        if fetch := schemas.fetch(source, record):
            await fetch()
        said = sources.decode(
            source, record, max_bytes=settings.topic_max_message_bytes, schemas=schemas.known(source)
        )
        return tombstones.dated(said)

    return decode


@asynccontextmanager
async def applier(settings: Settings, index: Index) -> AsyncIterator[Apply]:
    """What a worker of these settings applies changes with.

    Raises `Misconfigured` where the settings are not those that the index was made with, or the clock is off.
    """
    async with AsyncExitStack() as stack:
        clock = Clock(index.clock)
        await clock.check()
        client = await stack.enter_async_context(OllamaClient(ollama_config(settings)))
        await agreed(
            index, settings, lambda: open_embedder(client, settings.embed_model, settings.embed_dimension)
        )
        openings = Openings(index, client)
        stack.push_async_callback(openings.close)
        cutter = cutter_of(settings, unobserved)
        stack.push_async_callback(cutter.close)
        live = live_of(settings, index, openings, cutter, unobserved, clock=clock)
        await live()
        yield FollowingIndexer(live.follow, live.write).apply
