"""What an answer costs beyond its model's time: `make bench-answer`.

On real Kafka and Weaviate, with a stand-in for Ollama whose time is known: the same question never twice,
one at a time. The overhead is the time from produce to the terminal event, less the stand-in's own time
(its first token and the tokens after it), printed beside that and beside the produce of one record alone.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from index import Bench, produce, receipts, settings_of, stub

from ops.servers.launch import Kafka, Weaviate
from streams.kafka import topics
from streams.worker.parts import connection, topic_plan
from tests.bench.workers import Worker

FIRST_MS, TOKEN_MS, TOKENS = 50.0, 5.0, 40
WARM_UP = 5
"""Questions that are asked first and not counted."""


async def model_alone(url: str) -> float:
    """Milliseconds of the stand-in's own stream, median of ten."""
    import httpx

    took = []
    async with httpx.AsyncClient() as client:
        for _ in range(10):
            began = time.monotonic()
            body = {"model": "stub", "messages": [{"role": "user", "content": "x"}]}
            async with client.stream("POST", f"{url}/api/chat", json=body) as response:
                async for _line in response.aiter_lines():
                    pass
            took.append((time.monotonic() - began) * 1000)
    return statistics.median(took)


async def produce_alone(settings) -> float:
    """Milliseconds until Kafka has acknowledged one record, median of twenty."""
    producer = AIOKafkaProducer(bootstrap_servers=settings.kafka)
    await producer.start()
    took = []
    try:
        for _ in range(20):
            began = time.monotonic()
            await producer.send_and_wait(settings.topic_indexed, b"{}")
            took.append((time.monotonic() - began) * 1000)
    finally:
        await producer.stop()
    return statistics.median(took)


async def ask(settings, count: int) -> tuple[list[float], list[float], list[dict]]:
    """For each question, milliseconds to its first delta and to its end, and its terminal event."""
    producer = AIOKafkaProducer(bootstrap_servers=settings.kafka)
    consumer = AIOKafkaConsumer(
        settings.topic_answers,
        bootstrap_servers=settings.kafka,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    await producer.start()
    await consumer.start()
    firsts, totals, ends = [], [], []
    try:
        for number in range(count):
            question = {"id": f"q{number}", "text": f"What does page {number} say about subject {number}?"}
            began = time.monotonic()
            await producer.send_and_wait(settings.topic_questions, json.dumps(question).encode())
            first = None
            while True:
                event = json.loads((await consumer.getone()).value)
                if event.get("question_id") != question["id"]:
                    continue
                if first is None and event["type"] == "answer.delta":
                    first = (time.monotonic() - began) * 1000
                if event["type"] in ("answer.completed", "answer.failed"):
                    break
            totals.append((time.monotonic() - began) * 1000)
            firsts.append(first or totals[-1])
            ends.append(event)
    finally:
        await producer.stop()
        await consumer.stop()
    return firsts[WARM_UP:], totals[WARM_UP:], ends[WARM_UP:]


def quantiles(values: list[float]) -> dict[str, float]:
    ordered = sorted(values)
    return {"p50": round(statistics.median(ordered), 1), "p95": round(ordered[int(len(ordered) * 0.95)], 1)}


async def main(given: argparse.Namespace, bench: Bench) -> None:
    with stub(embed_ms=0.0, first_ms=FIRST_MS, token_ms=TOKEN_MS, tokens=TOKENS) as url:
        environ = bench.environ(url, "stub-embed") | {
            "STREAMS_GENERATE_MODEL": "stub",
            "STREAMS_FALLBACK_MODEL": "stub",
            "STREAMS_SIMILARITY_THRESHOLD": "0",
        }
        settings = settings_of(environ)
        await topics.create(connection(settings), topics.wanted(topic_plan(settings)))
        worker = Worker(bench.folder, environ).start()
        try:
            await asyncio.to_thread(worker.ready)
            pages = [
                (
                    f"default/p{n}",
                    json.dumps(
                        {"id": f"p{n}", "text": f"Page {n} says that subject {n} is number {n}."}
                    ).encode(),
                )
                for n in range(given.documents)
            ]
            await produce(settings, pages)
            await receipts(settings, len(pages))
            firsts, totals, ends = await ask(settings, given.questions)
        finally:
            await asyncio.to_thread(worker.stop)
        alone, produce_ms = await model_alone(url), await produce_alone(settings)
    routes = sorted({str(end.get("route") or end.get("code")) for end in ends})
    report = {
        "questions": len(totals),
        "routes": routes,
        "model_alone_ms": round(alone, 1),
        "produce_ms": round(produce_ms, 1),
        "first_delta_overhead_ms": quantiles([first - FIRST_MS for first in firsts]),
        "overhead_ms": quantiles([total - alone for total in totals]),
        "ratio_to_model_alone": round(statistics.median(totals) / alone, 2),
    }
    print(
        json.dumps(report)
        if given.json
        else "\n".join(f"{name:<26} {value}" for name, value in report.items())
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--documents", type=int, default=300)
    parser.add_argument("--questions", type=int, default=60)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    here = Path(tempfile.mkdtemp(prefix="bench-answer-"))
    with ExitStack() as servers:
        broker = servers.enter_context(Kafka(here / "kafka"))
        store_server = servers.enter_context(Weaviate(here / "weaviate"))
        asyncio.run(main(given, Bench(here, broker.bootstrap, store_server)))
