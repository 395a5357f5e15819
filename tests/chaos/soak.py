"""A long run: changes and questions, kills and outages by a seed. `make soak SEED=7 HOURS=2`.

One worker, the elder, is never ended: its memory and its open files are looked at every ten seconds, and
must not grow once it is warm. In the end the index must equal a replay, every record have its receipt and
every question its one end.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from ops.servers.launch import Kafka, Weaviate
from tests.apart import weaviate_settings
from tests.bench.stub import Stub, running_stub
from tests.bench.workers import Worker
from tests.chaos.cluster import Cluster
from tests.chaos.faults import Faults, plan
from tests.chaos.questions import Questions
from tests.chaos.run import Run, judged
from tests.chaos.traffic import Asking

EVERY = ("kill", "kill", "term", "add", "remove", "freeze", "store", "broker", "models_fail", "models_hang")
LOOK_S = 10.0
GROWTH = 1.10
SLACK_MB, SLACK_FILES = 12.0, 24
WARM = 0.25
"""The share of a run in which memory and files may grow as they like."""


class Outages(Faults):
    """Those of `Faults`, and the servers' own; the elder is left alone."""

    def __init__(self, cluster: Cluster, weaviate: Weaviate, kafka: Kafka, models: Stub, seed: int) -> None:
        super().__init__(cluster, weaviate, seed)
        self._kafka, self._models = kafka, models

    @property
    def known(self) -> Mapping[str, Callable[[], Awaitable[None]]]:
        """By name."""
        more = {"broker": self.broker, "models_fail": self.models_fail, "models_hang": self.models_hang}
        return {**super().known, **more}

    async def broker(self) -> None:
        """Kafka is killed, and back after a while."""
        await asyncio.to_thread(self._kafka.kill)
        await asyncio.sleep(self._chance.uniform(1, 15))
        await asyncio.to_thread(self._kafka.start)

    async def models_fail(self) -> None:
        """The model that answers gives errors for a while."""
        async with httpx.AsyncClient(trust_env=False) as client:
            await client.post(f"{self._models.url}/fail", json=["stub"])
            await asyncio.sleep(self._chance.uniform(2, 20))
            await client.post(f"{self._models.url}/fail", json=[])

    async def models_hang(self) -> None:
        """The model server takes connections, and says nothing for a while."""
        os.kill(self._models.pid, signal.SIGSTOP)
        try:
            await asyncio.sleep(self._chance.uniform(2, 15))
        finally:
            os.kill(self._models.pid, signal.SIGCONT)

    def _any(self) -> Worker:
        return self._chance.choice(self._cluster.workers[1:] or [self._cluster.add()])


@dataclass(frozen=True, slots=True)
class Look:
    """The elder at a moment: resident memory in MB, open files."""

    after_s: float
    resident_mb: float
    files: int


async def watch(worker: Worker, looks: list[Look]) -> None:
    """Looks at a worker for as long as it runs."""
    began = time.monotonic()
    while True:
        looks.append(Look(time.monotonic() - began, worker.resident_mb(), worker.open_files()))
        await asyncio.sleep(LOOK_S)


def grown(looks: Sequence[Look]) -> list[str]:
    """What grew: the last quarter against the second, medians; nothing where a run was too short to tell."""
    warm = looks[int(len(looks) * WARM) :]
    early, late = warm[: len(warm) // 3], warm[-len(warm) // 3 :]
    if len(early) < 3:
        return [f"only {len(looks)} looks: too short a run to tell whether memory grows"]
    memory = [statistics.median(look.resident_mb for look in part) for part in (early, late)]
    files = [statistics.median(look.files for look in part) for part in (early, late)]
    print(
        f"the elder: {memory[0]:.0f} MB and {files[0]:.0f} files early, {memory[1]:.0f} MB and {files[1]:.0f}"
        f" late, {max(look.resident_mb for look in looks):.0f} MB at most, over {looks[-1].after_s:.0f} s",
        flush=True,
    )
    problems = []
    if memory[1] > memory[0] * GROWTH + SLACK_MB:
        problems.append(f"memory grew from {memory[0]:.0f} to {memory[1]:.0f} MB")
    if files[1] > files[0] + SLACK_FILES:
        problems.append(f"open files grew from {files[0]:.0f} to {files[1]:.0f}")
    return problems


class Watched(Asking):
    """Somebody looks at the elder, too."""

    def __init__(self, cluster: Cluster, questions: Questions) -> None:
        super().__init__(cluster, questions)
        self._looks = list[Look]()

    def following(self) -> list[Coroutine[Any, Any, None]]:
        return [*super().following(), watch(self.cluster.workers[0], self._looks)]

    async def problems(self) -> list[str]:
        return [*grown(self._looks), *await super().problems()]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=None, help="a seed; else a new one")
    parser.add_argument("--hours", type=float, default=2, help="how long faults strike")
    given = parser.parse_args()
    seed = random.randrange(10**6) if given.seed is None else given.seed
    print(f"seed {seed}: make soak SEED={seed} HOURS={given.hours:g}", flush=True)
    folder = Path(tempfile.mkdtemp(prefix="soak-"))
    with ExitStack() as running:
        kafka = Kafka(folder / "kafka")
        kafka.ready_seconds = 240  # beside all that goes on, and again after each outage
        running.enter_context(kafka)
        weaviate = running.enter_context(Weaviate(folder / "weaviate"))
        models = running.enter_context(running_stub(embed_ms=5, first_ms=100, token_ms=5, tokens=40))
        cluster = Cluster(folder, kafka.bootstrap, weaviate_settings(weaviate), models.url, seed)
        cluster.roles = "index,answer"
        cluster.environ |= {"STREAMS_SIMILARITY_THRESHOLD": "0", "STREAMS_FALLBACK_MODEL": "stub-small"}
        questions = Questions(
            kafka.bootstrap, cluster.settings.topic_questions, cluster.settings.topic_answers, seed
        )
        outages = Outages(cluster, weaviate, kafka, models, seed)
        seconds = 3600 * given.hours
        strikes = plan(seed, EVERY, seconds=seconds, every_s=(8, 25))
        problems = asyncio.run(Run(Watched(cluster, questions), outages).through(strikes, seconds=seconds))
    return judged(problems, folder)


if __name__ == "__main__":
    sys.exit(main())
