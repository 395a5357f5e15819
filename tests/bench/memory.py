"""What a worker holds: over very many small records, and in front of a backlog."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass

from aiokafka import AIOKafkaProducer

from streams.settings import Settings
from tests.bench.corpus import TENANT
from tests.bench.indexing import reading
from tests.bench.workers import Worker

AHEAD = 20_000
"""Records that are produced and not yet done, at most."""
SAMPLE_S = 0.5
BACKLOG_TEXT = "A paragraph of some length that stands for a page. " * 16


@dataclass(frozen=True)
class Grown:
    """Resident memory in MB: the largest, and by how much it grew over the second half of the records."""

    records: int
    seconds: float
    largest: float
    grown: float


async def over_many(
    settings: Settings, worker: Worker, records: int, documents: int, limit_s: float
) -> Grown:
    """`records` changes of `documents` small documents in turn, or as many as are done in `limit_s`."""
    worker.start()
    done, samples, began = [0], [], time.monotonic()
    await asyncio.to_thread(worker.ready)
    counting = asyncio.create_task(_count(settings, done))
    producing = asyncio.create_task(_produce(settings, records, documents, done))
    try:
        while done[0] < records and time.monotonic() - began < limit_s:
            for task in (counting, producing):
                if task.done():
                    task.result()
            samples.append((done[0], worker.resident_mb()))
            await asyncio.sleep(SAMPLE_S)
    finally:
        for task in (counting, producing):
            task.cancel()
        await asyncio.gather(counting, producing, return_exceptions=True)
        await asyncio.to_thread(worker.kill)
    return _grown(samples, time.monotonic() - began)


def _grown(samples: list[tuple[int, float]], seconds: float) -> Grown:
    """By the means of the third and the last quarter of the records, so that one sample decides nothing."""
    total = samples[-1][0]

    def mean(least: float, most: float) -> float:
        some = [mb for count, mb in samples if least * total <= count <= most * total]
        return sum(some) / len(some)

    return Grown(total, seconds, max(mb for _, mb in samples), mean(0.75, 1.0) - mean(0.5, 0.75))


async def _produce(settings: Settings, records: int, documents: int, done: list[int]) -> None:
    async with AIOKafkaProducer(bootstrap_servers=settings.kafka, linger_ms=20) as producer:
        for number in range(records):
            while number - done[0] > AHEAD:  # noqa: ASYNC110 - a count that another task keeps
                await asyncio.sleep(0.05)
            name = number % documents
            # Every tenth round says something new.
            text = f"Small document {name}, version {number // documents // 10}."
            value = json.dumps({"id": f"s{name}", "text": text}).encode()
            await producer.send(settings.topic_changes, value, f"{TENANT}/s{name}".encode())


async def _count(settings: Settings, done: list[int]) -> None:
    async with reading(settings, settings.topic_indexed) as consumer:
        while True:
            for messages in (await consumer.getmany(timeout_ms=500, max_records=5000)).values():
                done[0] += len(messages)


async def before_backlog(settings: Settings, worker: Worker, records: int, watch_s: float) -> float:
    """The largest resident memory, in MB, of a worker that starts with so many records before it."""
    async with AIOKafkaProducer(bootstrap_servers=settings.kafka, linger_ms=20) as producer:
        for number in range(records):
            value = json.dumps({"id": f"b{number}", "text": f"{number} {BACKLOG_TEXT}"}).encode()
            await producer.send(settings.topic_changes, value, f"{TENANT}/b{number}".encode())
    worker.start()
    try:
        await asyncio.to_thread(worker.ready)
        until, largest = time.monotonic() + watch_s, 0.0
        while time.monotonic() < until:
            largest = max(largest, worker.resident_mb())
            await asyncio.sleep(0.25)
        return largest
    finally:
        await asyncio.to_thread(worker.kill)
