"""The topics: what each should be like, making those that are missing, telling where others differ."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from aiokafka import errors

from streams.errors import Misconfigured, Retryable, StreamsError
from streams.kafka.admin import Admin, Shape
from streams.kafka.connection import KafkaConnection, started

DAY_MS = 24 * 3600 * 1000
UNCOMPACTED_MS = 3600 * 1000
"""For so long all ends of a question stay in the log: the latest deadline, and a session that is long."""
REPLICATION = "STREAMS_TOPIC_REPLICATION"
IN_SYNC = "min.insync.replicas"
SAFE_COPIES = 3
"""With so many copies, two must have a record before it is taken, and one may be away meanwhile."""
SHOWN_WITHIN_LOOKS = 200

CANNOT_TELL = (
    "the embedded broker keeps everything in memory, compacts and deletes nothing and enforces no limits:"
    " what a topic's configuration does there can't be told"
)


@dataclass(frozen=True, slots=True)
class TopicPlan:
    """Names of the topics, and what the missing ones are made with.

    `sources` and `questions` are all topics that documents and questions are read from. Of the sources
    only `changes` is ours to make. `shadow` None: no shadow model is set.
    """

    sources: tuple[str, ...] = ("documents.changes",)
    questions: tuple[str, ...] = ("questions",)
    changes: str = "documents.changes"
    indexed: str = "documents.indexed"
    documents_dead: str = "documents.dead"
    documents_retry: str = "documents.retry"
    questions_dead: str = "questions.dead"
    questions_retry: str = "questions.retry"
    questions_done: str = "questions.done"
    answers: str = "answers"
    shadow: str | None = None
    partitions: int = 6
    replication: int = 1
    max_message_bytes: int = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """What a topic should be like. `config` None: somebody else's topic, it only has to exist.

    `covers` names topics of which none may have more partitions than this one.
    """

    name: str
    partitions: int
    replication: int
    config: Mapping[str, str] | None
    covers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Difference:
    """Where a topic is not as wanted. `breaks`: it can't be worked with."""

    what: str
    wanted: str
    found: str
    breaks: bool = False


@dataclass(frozen=True, slots=True)
class TopicReport:
    """A topic as it is now. `note` says what can't be told; `ours`: it is made with the others.

    `stuck` says why records can't be written to all of it, or read, until brokers are back; None: they can.
    """

    name: str
    state: Literal["created", "exists", "missing"]
    differences: Sequence[Difference] = field(default_factory=tuple)
    note: str | None = None
    ours: bool = True
    stuck: str | None = None

    @property
    def fits(self) -> bool:
        """Whether a worker can do its work with it."""
        return self.state != "missing" and not any(difference.breaks for difference in self.differences)

    @property
    def awaited(self) -> bool:
        """Whether it is missing and somebody else's to make; a worker does without it until it is there."""
        return self.state == "missing" and not self.ours


def wanted(plan: TopicPlan) -> tuple[TopicSpec, ...]:
    """What each topic should be like, each once, in the order of the reference."""
    stamped = {"message.timestamp.type": "LogAppendTime"}
    compacted = {"cleanup.policy": "compact", "delete.retention.ms": str(30 * DAY_MS), **stamped}
    week, three_weeks, month = _kept(7), _kept(21), _kept(30)
    # Its records are found by time too, so that a broker's clock must have stamped them. Compaction keeps the
    # last of two ends, and the first one counts.
    kept_whole = {"min.compaction.lag.ms": str(UNCOMPACTED_MS)}
    done = {**week, **stamped, "cleanup.policy": "compact,delete", **kept_whole}
    served = (*plan.questions, plan.questions_retry)
    topics: dict[str, tuple[Mapping[str, str] | None, tuple[str, ...]]] = {
        **{name: (compacted if name == plan.changes else None, ()) for name in plan.sources},
        plan.indexed: (week, ()),
        plan.documents_dead: (month, ()),
        plan.documents_retry: (week, ()),
        **{name: ({**week, **stamped}, ()) for name in plan.questions},
        plan.questions_dead: (month, ()),
        plan.questions_retry: ({**week, **stamped}, ()),
        plan.questions_done: (done, served),
        plan.answers: (week, ()),
        **({plan.shadow: (three_weeks, ())} if plan.shadow else {}),
    }
    return tuple(_spec(plan, name, config, covers) for name, (config, covers) in topics.items())


def _kept(days: int) -> Mapping[str, str]:
    return {"cleanup.policy": "delete", "retention.ms": str(days * DAY_MS)}


def _spec(plan: TopicPlan, name: str, config: Mapping[str, str] | None, covers: tuple[str, ...]) -> TopicSpec:
    safe = {IN_SYNC: "2"} if plan.replication >= SAFE_COPIES else {}
    sized = None if config is None else {**config, "max.message.bytes": str(plan.max_message_bytes), **safe}
    return TopicSpec(name, plan.partitions, plan.replication, sized, covers)


def differences(
    spec: TopicSpec, partitions: int, config: Mapping[str, str] | None, copies: int | None = None
) -> tuple[Difference, ...]:
    """Where a topic that has these is not as wanted; None: it can't be told. More copies will do."""
    found = []
    if spec.config is not None and partitions != spec.partitions:
        short = bool(spec.covers) and partitions < spec.partitions
        found.append(Difference("partitions", str(spec.partitions), str(partitions), breaks=short))
    if spec.config is not None and copies is not None and copies < spec.replication:
        found.append(Difference("replication", str(spec.replication), str(copies)))
    for name, value in (spec.config or {}).items() if config is not None else ():
        has = (config or {}).get(name, "unset")
        if _set(has) != _set(value):
            found.append(Difference(name, value, has))
    return tuple(found)


def stuck(shape: Shape, config: Mapping[str, str]) -> str | None:
    """Why some of a topic's partitions take no records, or give none, now; None where all do."""
    if shape.leaderless:
        return f"{shape.leaderless} of {shape.partitions} partitions have no leader"
    least = int(config.get(IN_SYNC, 1))
    # More than there are copies can't be asked for.
    if shape.in_sync < min(least, shape.copies):
        return f"a partition has {shape.in_sync} copies in sync, fewer than its {IN_SYNC} of {least}"
    return None


def stuck_of(reports: Sequence[TopicReport]) -> str:
    """Which topics are stuck, each reason once; empty where none is."""
    reasons: dict[str, list[str]] = {}
    for report in reports:
        if report.stuck:
            reasons.setdefault(report.stuck, []).append(report.name)
    return "; ".join(f"{', '.join(names)}: {reason}" for reason, names in reasons.items())


def _set(value: str) -> frozenset[str]:
    return frozenset(part.strip() for part in value.split(","))


def covering(spec: TopicSpec, partitions: Mapping[str, int]) -> TopicSpec:
    """The spec with as many partitions as the largest existing topic that it has to cover."""
    largest = max((partitions.get(name, 0) for name in spec.covers), default=0)
    return replace(spec, partitions=max(spec.partitions, largest))


async def check(connection: KafkaConnection, specs: Sequence[TopicSpec]) -> list[TopicReport]:
    """Each topic as it is; nothing is made or changed."""
    async with started(connection, Admin(connection)) as admin:
        return await _reports(connection, admin, specs, made=frozenset())


async def create(connection: KafkaConnection, specs: Sequence[TopicSpec]) -> list[TopicReport]:
    """Makes those of our topics that are missing; never changes one that exists.

    Raises `Misconfigured` where the broker takes none of this kind (replication above its brokers).
    """
    async with started(connection, Admin(connection)) as admin:
        made = set()
        # Those that cover others come last, when the others' partitions are known.
        for spec in sorted(specs, key=lambda spec: bool(spec.covers)):
            partitions = await admin.partitions()
            if (
                spec.name not in partitions
                and spec.config is not None
                and await _made(admin, spec, partitions)
            ):
                made.add(spec.name)
        return await _shown(connection, admin, specs, frozenset(made))


async def _shown(
    connection: KafkaConnection, admin: Admin, specs: Sequence[TopicSpec], made: frozenset[str]
) -> list[TopicReport]:
    """The reports, once those that were made show: a broker learns of them a little later, each by itself."""
    for _ in range(SHOWN_WITHIN_LOOKS):
        try:
            reports = await _reports(connection, admin, specs, made=made)
        except Retryable as error:
            if error.code != "topic_missing":
                raise
        else:
            if not any(report.state == "missing" and report.name in made for report in reports):
                return reports
        await asyncio.sleep(0.05)
    return await _reports(connection, admin, specs, made=made)


async def _made(admin: Admin, spec: TopicSpec, partitions: Mapping[str, int]) -> bool:
    try:
        return await admin.create(
            spec.name, covering(spec, partitions).partitions, spec.replication, spec.config or {}
        )
    except StreamsError as error:
        if isinstance(error.__cause__, errors.InvalidReplicationFactorError):
            raise Misconfigured(
                f"{REPLICATION} is {spec.replication}, more than there are brokers for {spec.name}: lower it",
                setting=REPLICATION,
            ) from error
        raise


async def _reports(
    connection: KafkaConnection, admin: Admin, specs: Sequence[TopicSpec], *, made: frozenset[str]
) -> list[TopicReport]:
    shapes = await admin.shapes()
    named = [spec.name for spec in specs if spec.name in shapes and spec.config is not None]
    configs = {} if connection.embedded else await admin.configs(named)
    partitions = {name: shape.partitions for name, shape in shapes.items()}
    reports = []
    for spec in specs:
        ours, shape, config = spec.config is not None, shapes.get(spec.name), configs.get(spec.name)
        if shape is None:
            reports.append(TopicReport(spec.name, "missing", ours=ours))
            continue
        copies = None if connection.embedded else shape.copies
        found = differences(covering(spec, partitions), shape.partitions, config, copies)
        note = CANNOT_TELL if connection.embedded and ours else None
        state: Literal["created", "exists"] = "created" if spec.name in made else "exists"
        halts = None if connection.embedded else stuck(shape, config or {})
        reports.append(TopicReport(spec.name, state, found, note, ours=ours, stuck=halts))
    return reports
