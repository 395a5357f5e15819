"""What an answer costs beyond its model's time: `make bench-answer`.

On real Kafka and Weaviate, with a stand-in for Ollama whose time is known: the same question never twice,
one at a time. The overhead is the time from produce to the terminal event, less the stand-in's own time
(its first token and the tokens after it), printed beside that and beside the produce of one record alone,
and then step by step, with what else the machine did meanwhile.

Then ten times the load that a worker can carry: see `tests.bench.slots`.

`--only shadow`: the same overhead without and with a shadow that answers each question once more, on a
stand-in whose replies share it as they share a GPU. Each question comes while the shadow is at work.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import re
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import httpx
from aiokafka import AIOKafkaProducer

from ops.servers.launch import Kafka, Weaviate
from streams.answering.shadow import CALM_S
from streams.settings import Settings
from tests.bench import slots
from tests.bench.asking import Heard, ask
from tests.bench.corpus import TENANT, Page
from tests.bench.indexing import Bench, prepared, produce, reading, warm_up
from tests.bench.meter import Meter
from tests.bench.stub import Stub, running_stub
from tests.bench.workers import Worker

FIRST_MS, TOKEN_MS, TOKENS = 50.0, 5.0, 40
PARTS = ("overhead", "slots", "shadow")
TENANTS = ("small", "large")
PAUSE_S = CALM_S + 0.15
"""Between two questions, so that a shadow has begun and has not ended."""
NOTHING: Mapping[str, str] = {}
SHADOWS = re.compile(r'^streams_shadow_answers_total\{outcome="(\w+)"\} (\S+)$', re.MULTILINE)
WARM_UP = 20
"""Questions that are asked first and not counted."""


async def model_alone(url: str) -> tuple[float, float]:
    """Milliseconds of the stand-in's own stream: to its first line, and from there on; medians of twenty."""
    firsts, rests = [], []
    async with httpx.AsyncClient() as client:
        for _ in range(20):
            began, first = time.perf_counter(), None
            body = {"model": "stub", "messages": [{"role": "user", "content": "x"}]}
            async with client.stream("POST", f"{url}/api/chat", json=body) as response:
                async for _line in response.aiter_lines():
                    first = first or time.perf_counter()
            firsts.append(((first or began) - began) * 1000)
            rests.append((time.perf_counter() - (first or began)) * 1000)
    return statistics.median(firsts), statistics.median(rests)


async def produce_alone(settings: Settings) -> float:
    """Milliseconds until Kafka has acknowledged one record, median of twenty."""
    took = []
    async with AIOKafkaProducer(bootstrap_servers=settings.kafka) as producer:
        for _ in range(40):
            began = time.perf_counter()
            await producer.send_and_wait(settings.topic_indexed, b"{}")
            took.append((time.perf_counter() - began) * 1000)
    return statistics.median(took[20:])


async def indexed(settings: Settings, pages: Sequence[Page]) -> None:
    """Returns when all pages have their receipts."""
    await produce(settings, pages)
    left = len(pages)
    async with reading(settings, settings.topic_indexed) as consumer:
        while left > 0:
            await consumer.getone()
            left -= 1


def quantiles(values: Sequence[float]) -> dict[str, float]:
    ordered = sorted(values)
    return {
        "p50": round(statistics.median(ordered), 1),
        "p95": round(ordered[int(len(ordered) * 0.95)], 1),
    }


class Benches:
    """One worker each."""

    def __init__(self, bench: Bench, given: argparse.Namespace) -> None:
        self.bench, self.given = bench, given

    async def slots(self) -> dict[str, object]:
        """Ten times the load that it can carry."""
        options = {"first_ms": slots.FIRST_MS, "token_ms": slots.TOKEN_MS, "tokens": slots.TOKENS}
        with running_stub(**options) as model:
            alone = await slots.busy_alone(model.url, self.given.seconds / 4)
            settings = await prepared(environ(self.bench, model) | {"STREAMS_ANSWER_SLOTS": str(slots.SLOTS)})
            worker = Worker(self.bench.folder, dict(os.environ)).start()
            try:
                await asyncio.to_thread(worker.ready)
                await indexed(settings, [page(number, tenant) for tenant in TENANTS for number in range(30)])
                found = await slots.overload(settings, worker, model.url, self.given.seconds)
            finally:
                await asyncio.to_thread(worker.stop)
        return {"slots_busy": found.pop("slots_busy"), "plain_loop_busy": round(alone, 3)} | found

    async def shadow(self) -> dict[str, object]:
        """One question at a time, without and with a shadow beside it."""
        model = {"STREAMS_SHADOW_MODEL": "stub-shadow", "STREAMS_SHADOW_PERCENT": "100"}
        without = await self.overhead(sharing=1, pause_s=PAUSE_S)
        beside = await self.overhead(model, sharing=1, pause_s=PAUSE_S)
        names = ("questions", "routes", "model_alone_ms", "overhead_ms", "first_delta_overhead_ms")
        return {
            **{f"without: {name}": without[name] for name in names},
            **{f"with: {name}": beside[name] for name in names},
            "shadows": beside["shadows"],
            "load": os.getloadavg()[0],
        }

    async def overhead(
        self, more: Mapping[str, str] = NOTHING, *, sharing: int = 0, pause_s: float = 0
    ) -> dict[str, object]:
        """One question at a time."""
        given = self.given
        options = {"embed_ms": 0.0, "first_ms": FIRST_MS, "token_ms": TOKEN_MS, "tokens": TOKENS}
        with running_stub(**options, sharing=sharing) as model:
            settings = await prepared(environ(self.bench, model) | more)
            worker = Worker(self.bench.folder, dict(os.environ)).start()
            try:
                await asyncio.to_thread(worker.ready)
                await indexed(settings, [page(number) for number in range(given.documents)])
                alone = await model_alone(model.url)
                questions = [question(number) for number in range(WARM_UP + given.questions)]
                await ask(settings, questions[:WARM_UP])
                meter = Meter(
                    {
                        "worker": worker.process.pid,
                        "kafka": self.bench.kafka.pid,
                        "weaviate": self.bench.weaviate.pid,
                        "stand-in": model.pid,
                        "bench": os.getpid(),
                    }
                )
                heard = await ask(settings, questions[WARM_UP:], pause_s=pause_s)
                used, shadows = meter.read(), await shadows_of(worker)
            finally:
                await asyncio.to_thread(worker.stop)
            produced = await produce_alone(settings)
        return {
            **report(heard, alone, produced),
            "ms_of_processor_each": {
                name: round(1000 * seconds / len(heard), 1) for name, seconds in used.processes.items()
            },
            "cores_of_others": round(used.others / used.wall_s, 2),
            "load": os.getloadavg()[0],
            **({"shadows": shadows} if shadows else {}),
        }


async def shadows_of(worker: Worker) -> dict[str, int]:
    """How the shadow's answers ended, by the worker's metrics."""
    async with httpx.AsyncClient(trust_env=False) as client:
        text = (await client.get(f"http://127.0.0.1:{worker.port}/metrics")).text
    return {how: int(float(count)) for how, count in SHADOWS.findall(text) if float(count)}


def environ(bench: Bench, model: Stub) -> dict[str, str]:
    return bench.environ(model.url) | {
        "STREAMS_GENERATE_MODEL": "stub",
        "STREAMS_FALLBACK_MODEL": "stub",
        "STREAMS_SIMILARITY_THRESHOLD": "0",
    }


def page(number: int, tenant: str = TENANT) -> Page:
    return Page(f"p{number}", f"Page {number} says that subject {number} is number {number}.", tenant=tenant)


def question(number: int) -> dict[str, str]:
    return {"id": f"q{number}", "text": f"What does page {number} say about subject {number}?"}


def report(heard: Sequence[Heard], alone: tuple[float, float], produced: float) -> dict[str, object]:
    first, rest = alone
    steps = [one.steps(first, rest) for one in heard if one.end["type"] == "answer.completed"]
    return {
        "questions": len(heard),
        "routes": sorted({str(one.end.get("route") or one.end.get("code")) for one in heard}),
        "model_alone_ms": round(first + rest, 1),
        "produce_alone_ms": round(produced, 1),
        "overhead_ms": quantiles([one.total_ms - first - rest for one in heard]),
        "first_delta_overhead_ms": quantiles([one.first_ms - first for one in heard]),
        "ratio_to_model_alone": round(statistics.median(one.total_ms for one in heard) / (first + rest), 2),
        **{f"  {name}": quantiles([each[name] for each in steps]) for name in steps[0]},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--documents", type=int, default=300)
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=40, help="of ten times the load")
    parser.add_argument("--only", nargs="*", choices=PARTS, default=PARTS[:2])
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    here = Path(tempfile.mkdtemp(prefix="bench-answer-"))
    with ExitStack() as servers:
        broker = servers.enter_context(Kafka(here / "kafka"))
        store = servers.enter_context(Weaviate(here / "weaviate"))
        bench = Bench(here, broker, store)
        asyncio.run(warm_up(bench))
        benches = Benches(bench, given)
        for part in given.only:
            found = {"what": part} | asyncio.run(getattr(benches, part)())
            lines = "\n".join(f"{name:<26} {value}" for name, value in found.items())
            print(json.dumps(found) if given.json else f"{lines}\n", flush=True)


if __name__ == "__main__":
    main()
