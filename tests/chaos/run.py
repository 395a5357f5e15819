"""A run: load, faults by a plan, rest, and the checker. `make chaos SEED=7 MINUTES=10`.

What it prints first is what brings the same load and the same faults again. When a fault hits between two
instructions of a worker is not in its hands, so that a seed that found something may need a few runs.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from math import inf
from pathlib import Path

from ops.servers.launch import Kafka, Weaviate
from tests.apart import weaviate_settings
from tests.bench.index import stub
from tests.chaos.cluster import Cluster
from tests.chaos.faults import Faults, Strike, plan
from tests.chaos.traffic import Going, Traffic

EVERY = ("kill", "kill", "term", "add", "remove", "freeze", "store")


class Run:
    """Faults beside the traffic of a cluster, rest, and what is wrong then."""

    def __init__(self, traffic: Traffic, faults: Faults, *, workers: int = 2) -> None:
        self._traffic, self._cluster, self._faults = traffic, traffic.cluster, faults
        self._workers, self._began = workers, 0.0

    async def through(self, strikes: Sequence[Strike], *, seconds: float = inf) -> list[str]:
        """Gives all that is wrong in the end. After so many seconds no more faults strike."""
        cluster = self._cluster
        await cluster.create()
        for _ in range(self._workers):
            cluster.add()
        for worker in cluster.workers:
            await asyncio.to_thread(worker.ready)
        self._began = time.monotonic()
        try:
            async with self._traffic.going() as going:
                await self._struck(strikes, seconds, going)
                await going.rest()
                problems = await self._left_to_one()
            await cluster.remove(cluster.workers[0])
            problems += [one for one in cluster.problems if one not in problems]
        finally:
            cluster.end()
        print(
            f"seed {cluster.seed}: {self._traffic.ends()}, faults {dict(Counter(self._faults.struck))},"
            f" {len(problems)} problems, {self._passed_s():.0f} s",
            flush=True,
        )
        return problems

    async def _struck(self, strikes: Sequence[Strike], seconds: float, going: Going) -> None:
        for strike in strikes:
            await asyncio.sleep(strike.after_s)
            print(f"{self._passed_s():7.1f} s  {strike.fault}  ({self._traffic.sent()})", flush=True)
            await self._faults.strike(strike.fault)
            going.check()
            if self._passed_s() > seconds:
                break

    async def _left_to_one(self) -> list[str]:
        """All that is wrong with one worker left."""
        for worker in list(self._cluster.workers[1:]):
            await self._cluster.remove(worker)
        return await self._traffic.problems()

    def _passed_s(self) -> float:
        return time.monotonic() - self._began


def judged(problems: Sequence[str], folder: Path) -> int:
    """Says what is wrong; gives the exit code."""
    for problem in problems[:50]:
        print(f"WRONG {problem}")
    print(f"{len(problems)} problems; logs in {folder}")
    return 1 if problems else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=None, help="a seed; else a new one")
    parser.add_argument("--minutes", type=float, default=10, help="how long faults strike")
    parser.add_argument("--faults", nargs="+", default=EVERY, help=f"of {', '.join(sorted(set(EVERY)))}")
    given = parser.parse_args()
    seed = random.randrange(10**6) if given.seed is None else given.seed
    print(f"seed {seed}: make chaos SEED={seed} MINUTES={given.minutes:g}", flush=True)
    folder = Path(tempfile.mkdtemp(prefix="chaos-"))
    strikes = plan(seed, given.faults, seconds=60 * given.minutes, every_s=(3, 12))
    with ExitStack() as running:
        kafka = running.enter_context(Kafka(folder / "kafka"))
        weaviate = running.enter_context(Weaviate(folder / "weaviate"))
        ollama = running.enter_context(stub(embed_ms=5))
        cluster = Cluster(folder, kafka.bootstrap, weaviate_settings(weaviate), ollama, seed)
        problems = asyncio.run(Run(Traffic(cluster), Faults(cluster, weaviate, seed)).through(strikes))
    return judged(problems, folder)


if __name__ == "__main__":
    sys.exit(main())
