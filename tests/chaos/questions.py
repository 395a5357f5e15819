"""Questions beside a run's changes, and what must hold of their answers in the end."""

from __future__ import annotations

import asyncio
import json
import random
import re
import time
from collections import Counter
from collections.abc import Callable

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from tests.chaos.cluster import SURELY
from tests.chaos.load import TENANTS, WORDS
from tests.checker import once
from tests.unit.answering.rules import TERMINAL, check_events

DEADLINE_MS = 60_000


class Questions:
    """Asks by a seed, and collects what comes.

    `asked` are the places of those that Kafka has taken, `ended` of those whose end came, and when.
    """

    def __init__(self, kafka: str, questions: str, answers: str, seed: int) -> None:
        self._kafka, self._questions, self._answers = kafka, questions, answers
        self._chance = random.Random(seed)
        self.asked: dict[str, float] = {}
        self.events: list[dict] = []
        self.ended: dict[str, float] = {}
        self.elsewhere: set[str] = set()
        """Those whose answers have a topic of their own."""
        self._changed = asyncio.Condition()

    async def ask(self, pace_s: float, stop: asyncio.Event) -> None:
        """One question after the other, until it is told to stop."""
        async with AIOKafkaProducer(bootstrap_servers=self._kafka, **SURELY) as producer:
            while not stop.is_set():
                await self.put(producer, self._next())
                await asyncio.sleep(pace_s)

    async def put(
        self,
        producer: AIOKafkaProducer,
        fields: dict,
        partition: int | None = None,
        reply_to: str | None = None,
    ) -> str:
        """Asks one; gives its place once Kafka has it."""
        headers = [] if reply_to is None else [("reply-to", reply_to.encode())]
        value = json.dumps(fields).encode()
        at = await producer.send_and_wait(self._questions, value, partition=partition, headers=headers)
        place = f"{at.topic}-{at.partition}-{at.offset}"
        if reply_to is None:
            self.asked[place] = time.time()
        else:
            self.elsewhere.add(place)
        return place

    def _next(self) -> dict:
        words = " ".join(self._chance.sample(WORDS, 3))
        return {
            "text": f"What is said of {words}?",
            "tenant": self._chance.choice(TENANTS),
            "deadline_ms": DEADLINE_MS,
            "stream": self._chance.random() < 0.8,
        }

    async def follow(self) -> None:
        """Collects answers for as long as it runs."""
        async with AIOKafkaConsumer(
            self._answers,
            bootstrap_servers=self._kafka,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            enable_auto_commit=False,
        ) as consumer:
            async for message in consumer:
                event = json.loads(message.value)
                self.events.append(event)
                if event["type"] in TERMINAL:
                    async with self._changed:
                        self.ended.setdefault(event["question"], time.time())
                        self._changed.notify_all()

    async def settle(self, limit_s: float) -> None:
        """Waits until every question has its end, or for so long."""
        await self.until(lambda: self.asked.keys() <= self.ended.keys(), limit_s)

    async def until(self, there: Callable[[], bool], limit_s: float) -> None:
        """Waits until an end that came makes `there()` true, or for so long. Raises TimeoutError."""
        async with asyncio.timeout(limit_s), self._changed:
            await self._changed.wait_for(there)

    def problems(self) -> list[str]:
        """Where the contract's rules do not hold."""
        found = [f"{place}: no end" for place in self.asked if place not in self.ended]

        def check(events: list[dict]) -> None:
            if events[0]["question"] not in self.ended or events[0]["question"] in self.elsewhere:
                return
            try:
                check_events(events)
            except AssertionError as error:
                found.append(f"{events[0]['question']}: {error}")

        once(self.events, check)
        return found

    def ends(self) -> Counter[str]:
        """How many questions ended how: by route, or by the code and the message of their failure."""
        last = {event["question"]: event for event in self.events if event["type"] in TERMINAL}
        return Counter(event.get("route") or _failure(event) for event in last.values())


def _failure(event: dict) -> str:
    return f"{event['code']}: {re.sub(r'[0-9]+', 'N', event['message'])}"
