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
from collections.abc import Coroutine, Sequence
from contextlib import ExitStack, suppress
from math import inf
from pathlib import Path
from typing import Any

from ops.servers.launch import Kafka, Weaviate
from tests.apart import weaviate_settings
from tests.bench.index import stub
from tests.chaos.cluster import Cluster
from tests.chaos.faults import Faults, Strike, plan
from tests.chaos.load import Load

EVERY = ("kill", "kill", "term", "add", "remove", "freeze", "store")


class Run:
    """Load and faults on a cluster, rest, and what is wrong then. A `Soak` adds what goes on beside."""

    def __init__(self, cluster: Cluster, faults: Faults, *, workers: int = 2, pace_s: float = 0.02) -> None:
        self.cluster, self.faults = cluster, faults
        self._workers, self._pace_s = workers, pace_s
        self._began = 0.0

    async def through(self, strikes: Sequence[Strike], *, seconds: float = inf) -> list[str]:
        """Gives all that is wrong in the end. After so many seconds no more faults strike."""
        await self.cluster.create()
        for _ in range(self._workers):
            self.cluster.add()
        for worker in self.cluster.workers:
            await asyncio.to_thread(worker.ready)
        stop, self._began = asyncio.Event(), time.monotonic()
        following = [asyncio.create_task(work) for work in self.following()]
        loading = [asyncio.create_task(work) for work in self.loading(stop)]
        try:
            await self._struck(strikes, seconds, (*loading, *following))
            stop.set()
            await asyncio.gather(*loading)
            problems = await self._rested()
            await _ended(following)
            await self.cluster.remove(self.cluster.workers[0])
            problems += [one for one in self.cluster.problems if one not in problems]
        finally:
            self.cluster.end()
            await _ended([*loading, *following])
        print(
            f"seed {self.cluster.seed}: {self.ends()}, faults {dict(Counter(self.faults.struck))},"
            f" {len(problems)} problems, {self._passed_s():.0f} s",
            flush=True,
        )
        return problems

    async def _struck(
        self, strikes: Sequence[Strike], seconds: float, beside: Sequence[asyncio.Task[None]]
    ) -> None:
        for strike in strikes:
            await asyncio.sleep(strike.after_s)
            print(f"{self._passed_s():7.1f} s  {strike.fault}  ({self.sent()})", flush=True)
            await self.faults.strike(strike.fault)
            for work in beside:
                if work.done():
                    await work
            if self._passed_s() > seconds:
                break

    async def _rested(self) -> list[str]:
        """All that is wrong once all ended, with one worker left."""
        await self.settle()
        for worker in list(self.cluster.workers[1:]):
            await self.cluster.remove(worker)
        return await self.problems()

    def _passed_s(self) -> float:
        return time.monotonic() - self._began

    def loading(self, stop: asyncio.Event) -> list[Coroutine[Any, Any, None]]:
        """What is sent until it is told to stop."""
        return [self.cluster.load(Load(self.cluster.seed), self._pace_s, stop)]

    def following(self) -> list[Coroutine[Any, Any, None]]:
        """What looks on, for as long as it runs."""
        return [self.cluster.follow()]

    async def settle(self) -> None:
        """Waits until all that was sent has come to its end."""
        await self.cluster.settle()

    async def problems(self) -> list[str]:
        """All that is wrong."""
        return await self.cluster.check()

    def sent(self) -> str:
        """How much was sent so far."""
        return f"{len(self.cluster.sent)} changes"

    def ends(self) -> str:
        """How much was sent, and how that ended."""
        return f"{len(self.cluster.sent)} changes {dict(self.cluster.outcomes())}"


async def _ended(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Ends them. Raises what one of them had failed with."""
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    for task in tasks:
        with suppress(asyncio.CancelledError):
            task.result()


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
        problems = asyncio.run(Run(cluster, Faults(cluster, weaviate, seed)).through(strikes))
    return judged(problems, folder)


if __name__ == "__main__":
    sys.exit(main())
