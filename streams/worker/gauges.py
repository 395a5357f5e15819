"""What a worker's gauges show: how its pumps, its queues and its circuits stand at the moment."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from streams import __version__
from streams.agents.lifecycle import Lifecycle
from streams.agents.pump.membership import Partition
from streams.agents.pump.positions import Behind
from streams.agents.pump.pump import Pump
from streams.answering.answerer import Answerer
from streams.answering.generating.warming import Warming
from streams.indexing.embedding import Progress
from streams.kafka.connectors import Connectors
from streams.kafka.reach import Reach
from streams.observe.metrics import Metrics
from streams.ports import Monotonic, Now
from streams.worker.agents import Parts
from streams.worker.parts import Role, utc_now

EVERY_S = 5.0
"""How often Kafka is asked how much there is to read."""

Pumps = Callable[[], Mapping[Role, Pump[Any, Any] | None]]


class Lag:
    """How far the pumps are behind, as it was seen last."""

    def __init__(self, pumps: Pumps, *, now: Now = utc_now, monotonic: Monotonic = time.monotonic) -> None:
        self._pumps, self._now, self._monotonic = pumps, now, monotonic
        self._behind: dict[Role, Mapping[Partition, Behind]] = {}
        self._stood: dict[tuple[Role, Partition], tuple[int, float]] = {}
        self._looked = monotonic()

    async def run(self) -> None:
        """Looks again and again, until it is cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(EVERY_S)

    async def look(self) -> None:
        """Sees how much there is to do, and whether anything was done since."""
        for role, pump in self._pumps().items():
            behind = {} if pump is None else await pump.behind()
            if behind is not None:
                self._behind[role] = behind
        self._looked = self._monotonic()
        self._stood = {
            (role, partition): self._standing((role, partition), one.offset)
            for role, behind in self._behind.items()
            for partition, one in behind.items()
            if one.records
        }

    def _standing(self, partition: tuple[Role, Partition], offset: int) -> tuple[int, float]:
        """The offset, and since when it has been that."""
        before = self._stood.get(partition)
        return before if before is not None and before[0] == offset else (offset, self._looked)

    def records(self) -> Mapping[tuple[str, ...], float]:
        """Records that are not done with, by role and topic."""
        counted: Counter[tuple[str, ...]] = Counter()
        for role, behind in self._behind.items():
            for partition, one in behind.items():
                counted[role, partition.topic] += one.records
        return cast("Mapping[tuple[str, ...], float]", counted)

    def seconds(self) -> Mapping[tuple[str, ...], float]:
        """Age of the oldest record that is not done with, by role; 0 where there is none."""
        now_ms = self._now().timestamp() * 1000
        return {
            (role,): 0.0 if pump is None or pump.oldest is None else max(0.0, now_ms - pump.oldest) / 1000
            for role, pump in self._pumps().items()
        }

    def stalled(self) -> Mapping[tuple[str, ...], float]:
        """For how long the partition that stands still the longest was seen to, by role."""
        return {
            (role,): max(
                (self._looked - since for (of, _), (_, since) in self._stood.items() if of == role),
                default=0.0,
            )
            for role in self._pumps()
        }


def show_kafka(metrics: Metrics, reach: Reach) -> None:
    """Has the metrics show whether Kafka answers, and how fast."""
    metrics.read("kafka_up", lambda: {(): reach.up})
    metrics.read("kafka_answer_seconds", lambda: {(): reach.took_s})


def show_loading(metrics: Metrics, warming: Warming | None) -> None:
    """Has the metrics show which model is being loaded."""
    if warming is not None:
        metrics.read("model_loading", lambda: {(model,): 1 for model in (warming.loading,) if model})


def show_connectors(metrics: Metrics, connectors: Connectors) -> None:
    """Has the metrics show which connectors failed."""
    metrics.read("connect_up", lambda: {(): connectors.up})
    metrics.read("connector_failed", lambda: {(name,): bad for name, bad in connectors.failed.items()})


def show_starting(metrics: Metrics, roles: Sequence[Role], reach: Reach) -> None:
    """Has the metrics show a worker that waits for what it needs; `show` takes over when it is there."""
    metrics.read("build_info", lambda: {(__version__,): 1})
    metrics.read("pump_running", lambda: {(role,): 0 for role in roles})
    show_kafka(metrics, reach)


def show(
    metrics: Metrics, parts: Parts, roles: Sequence[Role], lifecycle: Lifecycle, answerer: Answerer
) -> Lag:
    """Has the metrics show all this; gives what is to be run beside for it."""

    def pumps() -> Mapping[Role, Pump[Any, Any] | None]:
        return dict(zip(roles, lifecycle.pumps, strict=True))

    lag = Lag(pumps)
    metrics.read("pump_running", lambda: _running(roles, lifecycle))
    metrics.read("lag_records", lag.records)
    metrics.read("lag_seconds", lag.seconds)
    metrics.read("watermark_stalled_seconds", lag.stalled)
    metrics.read(
        "pending_records", lambda: {(role,): pump.pending if pump else 0 for role, pump in pumps().items()}
    )
    metrics.read("batch_queue_items", lambda: {(name,): count for name, count in parts.live.waiting.items()})
    metrics.read("slowest_document_seconds", lambda: {(): _slowest(parts).seconds})
    metrics.read("slowest_document_lacking_texts", lambda: {(): _slowest(parts).lacking})
    metrics.read("embed_batch_limit", lambda: {(): parts.live.batch})
    if "answer" in roles:
        metrics.read(
            "circuit_open", lambda: {(name,): is_open for name, is_open in answerer.circuits.items()}
        )
        metrics.read("questions_waiting", lambda: {(): answerer.waiting})
        metrics.read("answer_slots", lambda: {(): parts.settings.answer_slots})
        metrics.read("answer_slots_busy", lambda: {(): answerer.generating})
    return lag


def _slowest(parts: Parts) -> Progress:
    """The document that has been at work for the longest."""
    return max(parts.live.embedding, default=Progress(0.0, 0, 0))


def _running(roles: Sequence[Role], lifecycle: Lifecycle) -> Mapping[tuple[str, ...], float]:
    return {(role,): state == "running" for role, state in zip(roles, lifecycle.states, strict=True)}
