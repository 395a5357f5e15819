"""What the gateway adds to a question's first token: `make bench-gateway`.

On real Kafka: blocks of questions at once, in turns over Kafka directly (by `streams.client`) and by HTTP
(server-sent events), in one process that asks, so that whatever else the machine does is the same for both.
First with a stand-in for the workers (`alone`), then with a worker, Weaviate and a stand-in for the model.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from pathlib import Path

import aiohttp

from ops.servers.launch import Kafka, Weaviate
from ops.servers.process import free_ports
from streams.client import Client
from streams.gateway.access import keys
from streams.messages.answers import AnswerDelta, AnswerFailed
from streams.settings import Settings
from streams.worker.parts import utc_now
from tests.bench.answer import environ, indexed, page, quantiles
from tests.bench.indexing import Bench, prepared, warm_up
from tests.bench.meter import Meter
from tests.bench.stub import running_stub
from tests.bench.workers import Worker

FIRST_MS, TOKEN_MS, TOKENS = 50.0, 25.0, 40
DELTA = b"event: answer.delta\n"
READY_S = 60
SPREAD_S = 1.0
"""Over which askers begin; an answer takes about as long."""
EACH = 4
"""Questions that each asker asks in a block, one after the other."""
DEADLINE_MS = 300_000
"""Nothing is to end for lack of time: a slow machine is slow for both."""

Ask = Callable[[str], Awaitable[float]]


class Gateway:
    """One `rag-streams gateway` in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.url, self._log = f"http://127.0.0.1:{free_ports()}", (folder / "gateway.log").open("ab")
        path = folder / "keys.json"
        key, self.key = keys.made(
            tenant="default", principals=[], scopes=["ask"], now=utc_now(), rate_limit="1000000/second"
        )
        keys.write(path, keys.KeyFile(keys=(key,)))
        self._environ = {
            "STREAMS_API_KEYS_FILE": str(path),
            "STREAMS_GATEWAY_PORT": self.url.rpartition(":")[2],
        }

    def start(self) -> Gateway:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "streams", "gateway"], env=os.environ | self._environ, stderr=self._log
        )
        return self

    async def ready(self, session: aiohttp.ClientSession) -> None:
        async with asyncio.timeout(READY_S):
            while True:
                try:
                    async with session.get(f"{self.url}/readyz") as response:
                        if response.status == 200:
                            return
                except aiohttp.ClientError:
                    pass
                await asyncio.sleep(0.1)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()
        self._log.close()


def over_kafka(client: Client) -> Ask:
    async def ask(text: str) -> float:
        began, first = time.perf_counter(), None
        async for event in client.ask(text, deadline_ms=DEADLINE_MS).events():
            assert not isinstance(event, AnswerFailed), event
            if first is None and isinstance(event, AnswerDelta):
                first = time.perf_counter()
        return ((first or time.perf_counter()) - began) * 1000

    return ask


def over_http(session: aiohttp.ClientSession, gateway: Gateway) -> Ask:
    headers = {"Authorization": f"Bearer {gateway.key}", "X-API-Version": "1"}

    async def ask(text: str) -> float:
        began, first = time.perf_counter(), None
        body = {"text": text, "stream": True, "deadline_ms": DEADLINE_MS}
        async with session.post(f"{gateway.url}/v1/questions", json=body, headers=headers) as response:
            assert response.status == 200, await response.text()
            async for line in response.content:
                assert not line.startswith((b"event: answer.failed", b"event: error")), line
                if first is None and line == DELTA:
                    first = time.perf_counter()
        return ((first or time.perf_counter()) - began) * 1000

    return ask


async def blocks(asks: dict[str, Ask], count: int, at_once: int, each: int = EACH) -> dict[str, list[float]]:
    """Milliseconds to first tokens, of `count` blocks each way: askers who each ask `each` times in a row."""
    took: dict[str, list[float]] = {name: [] for name in asks}

    async def asker(ask: Ask, number: int) -> list[float]:
        # Not all in one instant: what is meant is so many at a time, not so many who come together.
        await asyncio.sleep(number * SPREAD_S / at_once)
        return [await ask(f"What does page {number} say about subject {number}?") for _ in range(each)]

    for number in range(count):
        # Who is first in a pair of blocks alternates, too.
        for name in list(asks) if number % 2 else list(asks)[::-1]:
            for values in await asyncio.gather(*(asker(asks[name], one) for one in range(at_once))):
                took[name] += values
            await asyncio.sleep(0.2)
    return took


async def measure(
    settings: Settings, gateway: Gateway, given: argparse.Namespace, pids: dict[str, int]
) -> dict[str, object]:
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session, Client(settings) as client:
        await gateway.ready(session)
        asks = {"kafka": over_kafka(client), "gateway": over_http(session, gateway)}
        await blocks(asks, 1, given.at_once, 1)
        alone = await blocks(asks, 1, 1, given.alone)
        meter = Meter({**pids, "gateway": gateway.process.pid, "asking": os.getpid()})
        took = await blocks(asks, given.blocks, given.at_once)
        used = meter.read()
    count = len(took["gateway"])
    found = {name: quantiles(values) for name, values in took.items()}
    one = {name: quantiles(values) for name, values in alone.items()}
    return {
        "at_once": given.at_once,
        "questions_each_way": count,
        "first_token_ms": found,
        "added_ms": {q: round(found["gateway"][q] - found["kafka"][q], 1) for q in ("p50", "p95")},
        "first_token_alone_ms": one,
        "added_alone_ms": {q: round(one["gateway"][q] - one["kafka"][q], 1) for q in ("p50", "p95")},
        "gateway_ms_of_processor_each": round(1000 * used.processes["gateway"] / count, 1),
        "cores": {name: round(seconds / used.wall_s, 2) for name, seconds in used.processes.items()},
        "cores_of_others": round(used.others / used.wall_s, 2),
        "load": os.getloadavg()[0],
    }


async def with_worker(on: Bench, given: argparse.Namespace) -> dict[str, object]:
    """Answers of a worker, whose model is a stand-in."""
    options = {"embed_ms": 0.0, "first_ms": FIRST_MS, "token_ms": TOKEN_MS, "tokens": TOKENS}
    with running_stub(**options) as model:
        more = {"STREAMS_ANSWER_SLOTS": "64", "STREAMS_LOG_LEVEL": "warning"}
        settings = await prepared(environ(on, model) | more)
        worker, gateway = Worker(on.folder, dict(os.environ)).start(), Gateway(on.folder).start()
        try:
            await asyncio.to_thread(worker.ready, 300)
            await indexed(settings, [page(number) for number in range(100)])
            return await measure(settings, gateway, given, {"worker": worker.process.pid})
        finally:
            gateway.stop()
            await asyncio.to_thread(worker.stop)


async def alone(on: Bench, given: argparse.Namespace) -> dict[str, object]:
    """Answers of a stand-in for the workers: the way there and back, and nothing else."""
    settings = await prepared(on.environ("http://localhost:1"))
    command = [sys.executable, str(Path(__file__).with_name("echo.py")), "--first-ms", str(FIRST_MS)]
    echo = subprocess.Popen(  # noqa: ASYNC220 - it takes no time that is measured
        command, stdout=subprocess.PIPE, env=dict(os.environ)
    )
    gateway = Gateway(on.folder).start()
    try:
        assert await asyncio.to_thread(echo.stdout.readline) == b"ready\n"
        return await measure(settings, gateway, given, {"echo": echo.pid})
    finally:
        gateway.stop()
        echo.kill()
        echo.wait()
        echo.stdout.close()


PARTS = {"alone": alone, "with_worker": with_worker}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--at-once", type=int, default=50)
    parser.add_argument("--blocks", type=int, default=10)
    parser.add_argument("--only", nargs="*", choices=PARTS, default=list(PARTS))
    parser.add_argument("--alone", type=int, default=40, help="questions that are asked one at a time")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    here = Path(tempfile.mkdtemp(prefix="bench-gateway-"))
    with ExitStack() as servers:
        broker = servers.enter_context(Kafka(here / "kafka"))
        store = servers.enter_context(Weaviate(here / "weaviate"))
        on = Bench(here, broker, store)
        asyncio.run(warm_up(on))
        for part in given.only:
            found = {"what": part} | asyncio.run(PARTS[part](on, given))
            lines = "\n".join(f"{name:<22} {value}" for name, value in found.items())
            print(json.dumps(found) if given.json else f"{lines}\n", flush=True)


if __name__ == "__main__":
    main()
