"""The two agents, wired: decoding, the indexer with its vacuum, the answerer with its watermarks."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from streams import sources
from streams.agents.answering import answering_agent
from streams.agents.app import AppConfig
from streams.agents.indexing import indexing_agent
from streams.agents.lifecycle import Agent
from streams.agents.work import PumpSettings
from streams.answering.answerer import Answerer
from streams.errors import Rejected
from streams.indexing.applied import Applied
from streams.indexing.cut import Cutter
from streams.indexing.documents import CoalescedDocuments
from streams.indexing.embed import CoalescedEmbedder
from streams.indexing.indexer import Indexer
from streams.indexing.sweeper import Sweeper
from streams.kafka import topics
from streams.kafka.awaited import Awaited
from streams.kafka.replies import ReplyTopics
from streams.kafka.watermarks import CommittedOffsets
from streams.messages.changes import Change, Said, Truncation
from streams.messages.identity import Identity
from streams.messages.questions import Asked
from streams.messages.records import Record
from streams.observe.metrics import Metrics
from streams.ollama.client import OllamaClient
from streams.ollama.embedder import CachedQueries
from streams.ports import Observed
from streams.settings import Settings
from streams.worker.generations import Opened
from streams.worker.parts import Role, answering_of, connection, topic_plan, utc_now

CANARY_TEXT = "a canary: this text is always the same"
QUESTIONS_REMEMBERED = 4096
WAITING_A_SLOT = 64
"""Questions that are taken from Kafka at a time, for each that a model answers."""


@dataclass
class Parts:
    """What both roles share."""

    settings: Settings
    live: Opened
    ollama: OllamaClient
    metrics: Metrics
    topics: sources.Topics
    awaited: Awaited
    cutter: Cutter

    async def canary(self) -> None:
        """Does what indexing needs, with something fixed; raises where that fails."""
        await self.live.store.canary()
        await self.live.embedder.embed_documents([CANARY_TEXT])


class Hinting:
    """An indexer that tells the sweeper which documents it superseded something of."""

    def __init__(self, indexer: Indexer, sweeper: Sweeper) -> None:
        self._indexer, self._sweeper = indexer, sweeper

    async def apply(self, change: Change | Truncation) -> Applied:
        """As the indexer's."""
        applied = await self._indexer.apply(change)
        if applied.superseded:
            self._sweeper.hint(change.key)
        return applied


def pump_settings(
    settings: Settings, *, name: str, dead_topic: str, retry_topic: str, slots: int
) -> PumpSettings:
    """How a group's pump works."""
    return PumpSettings(
        dead_topic=dead_topic,
        retry_topics=frozenset({retry_topic}),
        name=name,
        slots=slots,
        drain_s=settings.drain_s,
        max_bytes=settings.topic_max_message_bytes,
    )


def app_config(settings: Settings, role: Role) -> AppConfig:
    """A role's consumer group."""
    return AppConfig(
        group=f"{settings.group}-{role}",
        connection=connection(settings),
        max_message_bytes=2 * settings.topic_max_message_bytes,
    )


def unknown_fields_observer(metrics: Metrics, kind: str) -> Callable[[list[str]], None]:
    """Counts fields that we don't know, by message and not by name: names are the sender's."""
    return lambda names: metrics(Observed("unknown_fields", len(names), {"message": kind}))


def decoder(parts: Parts) -> Callable[[Record], tuple[Said, ...]]:
    """What a change record says, by its source topic."""
    by_topic = {source.topic: source for source in parts.topics.sources}
    on_unknown = unknown_fields_observer(parts.metrics, "change")
    max_bytes = parts.settings.topic_max_message_bytes

    def decode(record: Record) -> tuple[Said, ...]:
        source = by_topic.get(record.topic)
        if source is None:
            raise not_read(record)
        return sources.decode(source, record, max_bytes=max_bytes, on_unknown=on_unknown)

    return decode


def question_decoder(parts: Parts) -> tuple[Callable[[Record], Asked], Callable[[Record], Identity]]:
    """What a question record asks, by its topic; and who asked what, where it asks nothing valid."""
    by_topic = {topic.topic: topic for topic in parts.topics.questions}
    on_unknown = unknown_fields_observer(parts.metrics, "question")

    def decode(record: Record) -> Asked:
        topic = by_topic.get(record.topic)
        if topic is None:
            raise not_read(record)
        return sources.decode_question(topic, record, on_unknown=on_unknown)

    def identify(record: Record) -> Identity:
        topic = by_topic.get(record.topic, sources.QuestionTopic(record.topic))
        return sources.identify(topic, record)

    return decode, identify


def not_read(record: Record) -> Rejected:
    """A dead letter sent back, of a topic that the settings name no more."""
    return Rejected(
        f"{record.topic} is no topic that is read now: name it in STREAMS_SOURCES, then replay",
        code="unmapped",
    )


def index_agent(parts: Parts, sweeper: Sweeper) -> Agent:
    """A fresh indexing agent, of the source topics that are there by now."""
    settings = parts.settings
    indexer = Indexer(
        CoalescedDocuments(parts.live.store),
        CoalescedEmbedder(parts.live.embedder),
        cutter=parts.cutter,
        chunking=parts.live.chunking,
        now=utc_now,
        monotonic=time.monotonic,
        observe=parts.metrics,
    )
    return indexing_agent(
        app_config(settings, "index"),
        topics=parts.awaited.there,
        outdated=parts.awaited.more,
        retry_topic=settings.topic_documents_retry,
        receipts_topic=settings.topic_indexed,
        decode=decoder(parts),
        indexer=Hinting(indexer, sweeper),
        embed_model=parts.live.generation.embed_model,
        canary=parts.canary,
        settings=pump_settings(
            settings, name="index", dead_topic=settings.topic_documents_dead,
            retry_topic=settings.topic_documents_retry, slots=settings.index_slots,
        ),
        now=utc_now,
        random=random.random,
        observe=parts.metrics,
    )  # fmt: skip


def answer_agent(
    parts: Parts, answerer: Answerer, watermarks: CommittedOffsets, replies: ReplyTopics
) -> Agent:
    """A fresh answering agent."""
    settings = parts.settings
    decode, identify = question_decoder(parts)

    async def kafka_canary() -> None:
        await watermarks.applied()

    return answering_agent(
        app_config(settings, "answer"),
        topics=[topic.topic for topic in parts.topics.questions],
        retry_topic=settings.topic_questions_retry,
        answers_topic=settings.topic_answers,
        done_topic=settings.topic_questions_done,
        decode=decode,
        identify=identify,
        answerer=answerer,
        replies=replies,
        canary=kafka_canary,
        settings=pump_settings(
            settings,
            name="answer",
            dead_topic=settings.topic_questions_dead,
            retry_topic=settings.topic_questions_retry,
            # What waits for its turn is here, so that it is the tenants' in turn, and can be refused in time.
            slots=settings.answer_slots * WAITING_A_SLOT,
        ),
        now=utc_now,
        random=random.random,
        observe=parts.metrics,
    )


def new_answerer(parts: Parts, watermarks: CommittedOffsets) -> Answerer:
    """The answerer, which all its agents in this process share."""
    settings = parts.settings
    embedder = CachedQueries(
        parts.live.embedder, settings.embed_cache_ttl_s, QUESTIONS_REMEMBERED, time.monotonic
    )
    return Answerer(
        parts.live.store, embedder, parts.ollama, watermarks, answering_of(settings),
        now=utc_now, monotonic=time.monotonic, observe=parts.metrics,
    )  # fmt: skip


def watermarks_of(parts: Parts) -> CommittedOffsets:
    """How far the indexing group is."""
    source_topics = [source.topic for source in parts.topics.sources]
    return CommittedOffsets(connection(parts.settings), f"{parts.settings.group}-index", source_topics)


def reply_topics_of(settings: Settings) -> ReplyTopics:
    """The topics that a `reply-to` may name: none that is read or written otherwise."""
    plan = topic_plan(settings)
    return ReplyTopics(
        connection(settings), settings.reply_topics, never=[spec.name for spec in topics.wanted(plan)]
    )
