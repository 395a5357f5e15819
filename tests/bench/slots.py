"""Ten times the load that a worker can carry: are its slots busy, is everybody told in time, is it fair?

A large tenant asks nearly all of it, a small one less than its half of the slots. How busy the slots are is
what the stand-in says: the seconds of its replies, over slots times seconds. Beside it the same of a plain
loop that has a request ready for each slot at any moment.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import httpx
from aiokafka import AIOKafkaProducer

from streams.settings import Settings
from tests.bench.indexing import reading
from tests.bench.workers import Worker

SLOTS = 4
FIRST_MS, TOKEN_MS, TOKENS = 200.0, 20.0, 40
ANSWER_S = (FIRST_MS + TOKEN_MS * (TOKENS - 1)) / 1000
TIMES = 10
SMALL_SHARE = 0.025
"""Of all questions those of the small tenant: a quarter of what the slots can answer."""
DEADLINE_MS = 8_000
AFTER_S = 15.0
"""How long after the last question the last terminal event may come."""


@dataclass(frozen=True)
class Ended:
    """A question's end, and the milliseconds to it from when it was asked."""

    tenant: str
    type: str
    code: str | None
    retryable: bool
    took_ms: float
    contents: set[bytes]
    """Of its terminal events: one, however often that is sent."""

    @property
    def answered(self) -> bool:
        return self.type == "answer.completed"


async def busy_alone(url: str, seconds: float) -> float:
    """The share of the slots' time that a plain loop keeps busy."""
    until, body = (
        time.monotonic() + seconds,
        {"model": "stub", "messages": [{"role": "user", "content": "x"}]},
    )

    async def one(client: httpx.AsyncClient) -> None:
        while time.monotonic() < until:
            async with client.stream("POST", f"{url}/api/chat", json=body, timeout=60) as response:
                async for _ in response.aiter_bytes():
                    pass

    async with httpx.AsyncClient() as client:
        before, began = await _busy(client, url), time.monotonic()
        await asyncio.gather(*(one(client) for _ in range(SLOTS)))
        return (await _busy(client, url) - before) / (SLOTS * (time.monotonic() - began))


async def _busy(client: httpx.AsyncClient, url: str) -> float:
    return float((await client.get(f"{url}/busy")).json()["busy_s"])


async def overload(settings: Settings, worker: Worker, url: str, seconds: float) -> dict[str, object]:
    """Asks for so long, at ten times the rate that the slots allow."""
    rate = TIMES * SLOTS / ANSWER_S
    questions = [_question(number) for number in range(int(rate * seconds))]
    asked: dict[str, float] = {}
    ended: dict[str, Ended] = {}
    memory = [worker.resident_mb()]
    listening = asyncio.create_task(_listen(settings, asked, ended))
    async with httpx.AsyncClient() as client:
        before = await _busy(client, url)
        async with AIOKafkaProducer(bootstrap_servers=settings.kafka) as producer:
            began = time.monotonic()
            for number, question in enumerate(questions):
                await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))
                asked[question["id"]] = time.monotonic()
                await producer.send(settings.topic_questions, json.dumps(question).encode())
                if not number % 20:
                    memory.append(worker.resident_mb())
        # What is answered within the load's own time: at its end the slots run empty.
        busy, lasted = await _busy(client, url) - before, time.monotonic() - began
    until = time.monotonic() + DEADLINE_MS / 1000 + AFTER_S
    while len(ended) < len(questions) and time.monotonic() < until:
        await asyncio.sleep(0.1)
        memory.append(worker.resident_mb())
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
    return _report(list(ended.values()), len(questions), memory) | {
        "slots_busy": round(busy / (SLOTS * lasted), 3)
    }


def _question(number: int) -> dict[str, str | int]:
    small = number % round(1 / SMALL_SHARE) == 0
    return {
        "id": f"o{number}",
        "tenant": "small" if small else "large",
        "text": f"What does page {number} say about subject {number}?",
        "deadline_ms": DEADLINE_MS,
        "stream": False,
    }


async def _listen(settings: Settings, asked: Mapping[str, float], ended: dict[str, Ended]) -> None:
    async with reading(settings, settings.topic_answers) as consumer:
        async for record in consumer:
            event, now = json.loads(record.value), time.monotonic()
            name = event["question_id"]
            if name in ended:
                ended[name].contents.add(record.value)
            elif name in asked:
                ended[name] = Ended(
                    event["tenant"],
                    event["type"],
                    event.get("code"),
                    bool(event.get("retryable")),
                    (now - asked[name]) * 1000,
                    {record.value},
                )


def _report(ended: Sequence[Ended], asked: int, memory: Sequence[float]) -> dict[str, object]:
    answered = [one for one in ended if one.answered]
    refused = [one for one in ended if not one.answered]
    of_small = [one for one in ended if one.tenant == "small"]
    return {
        "asked": asked,
        "ended": len(ended),
        "with_two_ends": sum(len(one.contents) > 1 for one in ended),
        "latest_after_deadline_ms": round(max(one.took_ms for one in ended) - DEADLINE_MS) if ended else None,
        "answered": len(answered),
        "answered_p95_ms": _at(0.95, [one.took_ms for one in answered]),
        "refused": len(refused),
        "refused_retryable": sum(one.retryable for one in refused),
        "refused_p50_ms": _at(0.5, [one.took_ms for one in refused]),
        "refused_p95_ms": _at(0.95, [one.took_ms for one in refused]),
        "small_tenant_answered": f"{sum(one.answered for one in of_small)} of {len(of_small)}",
        "small_tenant_p50_ms": _at(0.5, [one.took_ms for one in of_small if one.answered]),
        "worker_mb": f"{memory[0]:.0f} before, {max(memory):.0f} at most",
        "load": round(os.getloadavg()[0], 1),
    }


def _at(share: float, values: Sequence[float]) -> float | None:
    ordered = sorted(values)
    if not ordered:
        return None
    return round(statistics.median(ordered) if share == 0.5 else ordered[int(len(ordered) * share)], 1)
