"""Questions one at a time, and where the time of each went, step by step."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aiokafka import AIOKafkaProducer

from streams.settings import Settings
from tests.bench.indexing import reading

LIMIT_S = 60
TERMINAL = ("answer.completed", "answer.failed")


@dataclass(frozen=True)
class Heard:
    """A question as its asker saw it: when it was asked, Kafka had it, and each event came (Unix seconds)."""

    asked: float
    acknowledged: float
    written: float
    events: list[tuple[float, dict[str, Any]]]

    @property
    def end(self) -> dict[str, Any]:
        return self.events[-1][1]

    @property
    def total_ms(self) -> float:
        return (self.events[-1][0] - self.asked) * 1000

    @property
    def first_ms(self) -> float:
        """To the first piece of text."""
        texts = [at for at, event in self.events if event["type"] == "answer.delta"]
        return ((texts[0] if texts else self.events[-1][0]) - self.asked) * 1000

    def steps(self, first_token_ms: float, rest_ms: float) -> Mapping[str, float]:
        """Milliseconds of each step, in order, less what the model itself takes; together the overhead.

        `look`: the watermark, the weighing and the prompt; `ask`: from the first event until the first piece
        of text, `generate and end`: from there until the terminal event is made, both beyond what the model
        takes; `arrive`: until its reader has it. What is in brackets is none of the sum.
        """
        made = {event["type"]: datetime.fromisoformat(event["at"]).timestamp() for _, event in self.events}
        timings = self.end["timings"]
        queued, embedded, retrieved = (timings[name] or 0.0 for name in ("queued", "embedded", "retrieved"))
        began = self.written + queued / 1000
        started, completed = made["answer.started"], made["answer.completed"]
        first = next(event for _, event in self.events if event["type"] == "answer.delta")
        first_at = datetime.fromisoformat(first["at"]).timestamp()
        arrived = next(at for at, event in self.events if event["type"] == "answer.started")
        return {
            "produce": (self.written - self.asked) * 1000,
            "queued": queued,
            "embed": embedded,
            "retrieve": retrieved,
            "look": (started - began) * 1000 - embedded - retrieved,
            "ask": (first_at - started) * 1000 - first_token_ms,
            "generate and end": (completed - first_at) * 1000 - rest_ms,
            "arrive": (self.events[-1][0] - completed) * 1000,
            "(started arrives)": (arrived - started) * 1000,
        }


async def ask(settings: Settings, questions: list[dict[str, Any]], *, pause_s: float = 0) -> list[Heard]:
    """Each question so long after the one before has its end."""
    async with (
        AIOKafkaProducer(bootstrap_servers=settings.kafka) as producer,
        reading(settings, settings.topic_answers) as consumer,
    ):
        heard = []
        for question in questions:
            await asyncio.sleep(pause_s)
            asked = time.time()
            sent = await producer.send_and_wait(settings.topic_questions, json.dumps(question).encode())
            acknowledged = time.time()
            events: list[tuple[float, dict[str, Any]]] = []
            async with asyncio.timeout(LIMIT_S):
                while not events or events[-1][1]["type"] not in TERMINAL:
                    event = json.loads((await consumer.getone()).value)
                    if event["question_id"] == question["id"]:
                        events.append((time.time(), event))
            heard.append(Heard(asked, acknowledged, sent.timestamp / 1000, events))
        return heard
