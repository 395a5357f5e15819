"""The shadow model of a worker: its answers go to a topic of their own."""

from __future__ import annotations

import time
from typing import Self

from streams.answering.answerer import Answerer
from streams.answering.shadow import Shadow, Shadowing
from streams.kafka.produce import Producer
from streams.messages.answers import AnswerCompleted
from streams.messages.headers import versioned
from streams.messages.records import Outgoing
from streams.wiring import connection
from streams.worker.agents import Parts
from streams.worker.parts import answering_of, utc_now

SEND_S = 30.0


class ShadowModel:
    """A shadow, and the producer of its own that it sends with."""

    def __init__(self, parts: Parts, model: str) -> None:
        settings = parts.settings
        self._topic = settings.topic_shadow
        self._producer = Producer(
            connection(settings), max_bytes=settings.topic_max_message_bytes, timeout_s=SEND_S
        )
        self.shadow = Shadow(
            parts.ollama,
            Shadowing(model, settings.shadow_percent),
            answering_of(settings),
            send=self._send,
            now=utc_now,
            monotonic=time.monotonic,
            observe=parts.metrics,
        )

    @classmethod
    def of(cls, parts: Parts) -> Self | None:
        """The shadow that the settings name; None where they name none."""
        model = parts.settings.shadow_model
        return None if model is None else cls(parts, model)

    async def run(self, answerer: Answerer) -> None:
        """Answers what `answerer` offers, until it is cancelled."""
        try:
            await self.shadow.run(answerer.demand)
        finally:
            await self._producer.stop()

    async def _send(self, completed: AnswerCompleted) -> None:
        value = completed.model_dump_json().encode()
        await self._producer.produce(
            Outgoing(self._topic, completed.question_id.encode(), value, versioned())
        )
