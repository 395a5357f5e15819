"""The two agents, wired: decoding, the indexer with its vacuum, the answerer with its watermarks."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from streams import sources
from streams.agents.answering import answering_agent
from streams.agents.app import AppConfig
from streams.agents.followed import Traces
from streams.agents.indexing import indexing_agent
from streams.agents.lifecycle import Agent
from streams.agents.pump.work import PENDING_BYTES, Fetch, PumpSettings
from streams.answering.answerer import Answerer
from streams.answering.generating.warming import Warming
from streams.answering.shadow import Shadow
from streams.answering.waiting.admission import MOST_WAITING_BYTES, TAKEN_A_SLOT
from streams.errors import Rejected
from streams.indexing.generations.following import FollowingIndexer
from streams.kafka import topics
from streams.kafka.awaited import Awaited
from streams.kafka.produce import Producer
from streams.kafka.replies import ReplyTopics
from streams.kafka.schemas import Schemas
from streams.kafka.watermarks import CommittedOffsets
from streams.messages.changes import Said
from streams.messages.identity import Identity
from streams.messages.questions import Asked
from streams.messages.records import Record
from streams.observe.metrics import Metrics
from streams.ollama.client import OllamaClient
from streams.ports import Observed
from streams.settings import Settings
from streams.wiring import connection, topic_plan
from streams.worker.live import Live
from streams.worker.parts import Role, answering_of, utc_now

if TYPE_CHECKING:
    from streams.observe.tracing import Tracing


@dataclass
class Parts:
    """What both roles share."""

    settings: Settings
    live: Live
    ollama: OllamaClient
    metrics: Metrics
    topics: sources.Topics
    awaited: Awaited
    schemas: Schemas
    tracing: Tracing | None = None


def traces_of(parts: Parts, role: Role) -> Traces | None:
    """What begins the spans of a role's records, where traces are on."""
    tracing = parts.tracing
    if tracing is None:
        return None
    group = f"{parts.settings.group}-{role}"
    return lambda record: tracing.record(record, group)


def pump_settings(
    settings: Settings, *, name: str, dead_topic: str, retry_topic: str, slots: int, waiting_bytes: int = 0
) -> PumpSettings:
    """How a group's pump works, in which so much may wait beside what it works on."""
    return PumpSettings(
        dead_topic=dead_topic,
        retry_topics=frozenset({retry_topic}),
        name=name,
        slots=slots,
        max_pending_bytes=waiting_bytes + PENDING_BYTES,
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
    tombstones = sources.Tombstones()

    def decode(record: Record) -> tuple[Said, ...]:
        source = by_topic.get(record.topic)
        if source is None:
            raise not_read(record)
        said = sources.decode(
            source, record, max_bytes=max_bytes, on_unknown=on_unknown, schemas=parts.schemas.known(source)
        )
        return tombstones.dated(said)

    return decode


def fetcher(parts: Parts) -> Callable[[Record], Fetch | None]:
    """What has to be fetched before a change record can be decoded: its schemas, where it is in Avro."""
    by_topic = {source.topic: source for source in parts.topics.sources}
    max_bytes = parts.settings.topic_max_message_bytes

    def fetch(record: Record) -> Fetch | None:
        source = by_topic.get(record.topic)
        if source is None or record.size > max_bytes:
            return None
        return parts.schemas.fetch(source, record)

    return fetch


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


def index_agent(parts: Parts) -> Agent:
    """A fresh indexing agent."""
    settings, live = parts.settings, parts.live
    return indexing_agent(
        app_config(settings, "index"),
        topics=parts.awaited.there,
        outdated=parts.awaited.more,
        retry_topic=settings.topic_documents_retry,
        receipts_topic=settings.topic_indexed,
        decode=decoder(parts),
        fetch=fetcher(parts),
        given_up=live.left.forget,
        supply=parts.schemas.probe,
        indexer=FollowingIndexer(live.follow, live.write, parts.metrics),
        embed_model=lambda: live.follow.embed_model,
        canary=live.canary,
        settings=pump_settings(
            settings, name="index", dead_topic=settings.topic_documents_dead,
            retry_topic=settings.topic_documents_retry, slots=settings.index_slots,
        ),
        now=utc_now,
        random=random.random,
        observe=parts.metrics,
        traces=traces_of(parts, "index"),
    )  # fmt: skip


def answer_agent(
    parts: Parts,
    answerer: Answerer,
    watermarks: CommittedOffsets,
    replies: ReplyTopics,
    outlet: Producer,
) -> Agent:
    """A fresh answering agent; `outlet` sends what goes to reply topics."""
    settings = parts.settings
    decode, identify = question_decoder(parts)

    async def kafka_canary() -> None:
        await watermarks.applied()

    agent = answering_agent(
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
            slots=settings.answer_slots * TAKEN_A_SLOT,
            waiting_bytes=MOST_WAITING_BYTES,
        ),
        now=utc_now,
        random=random.random,
        observe=parts.metrics,
        traces=traces_of(parts, "answer"),
        apart=outlet.produce,
    )
    agent.app.on_disconnect(watermarks.disconnect)
    agent.app.on_disconnect(outlet.disconnect)
    return agent


def new_answerer(
    parts: Parts, watermarks: CommittedOffsets, shadow: Shadow | None, warming: Warming | None = None
) -> Answerer:
    """The answerer, which all its agents in this process share."""
    settings = parts.settings
    generator = parts.tracing.generator(parts.ollama) if parts.tracing else parts.ollama
    return Answerer(
        parts.live.serve, generator, watermarks, answering_of(settings),
        now=utc_now, monotonic=time.monotonic, observe=parts.metrics, shadow=shadow, warming=warming,
    )  # fmt: skip


def watermarks_of(parts: Parts) -> CommittedOffsets:
    """How far the indexing group is."""
    source_topics = [source.topic for source in parts.topics.sources]
    return CommittedOffsets(connection(parts.settings), f"{parts.settings.group}-index", source_topics)


def reply_producer_of(settings: Settings) -> Producer:
    """Sends what goes to reply topics, and, like the agents' own, gives up what is not taken."""
    return Producer(connection(settings), max_bytes=settings.topic_max_message_bytes, once=False)


def reply_topics_of(settings: Settings) -> ReplyTopics:
    """The topics that a `reply-to` may name: none that is read or written otherwise."""
    plan = topic_plan(settings)
    return ReplyTopics(
        connection(settings), settings.reply_topics, never=[spec.name for spec in topics.wanted(plan)]
    )
