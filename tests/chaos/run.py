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
from contextlib import ExitStack, suppress
from pathlib import Path

from ops.servers.launch import Kafka, Weaviate
from tests.bench.index import stub
from tests.chaos.cluster import Cluster, weaviate_settings
from tests.chaos.faults import Faults, Strike, plan
from tests.chaos.load import Load

EVERY = ("kill", "kill", "term", "add", "remove", "freeze", "store")


async def run(
    cluster: Cluster,
    weaviate: Weaviate | None,
    strikes: Sequence[Strike],
    *,
    workers: int = 2,
    pace_s: float = 0.02,
) -> list[str]:
    """Gives all that is wrong in the end."""
    await cluster.create()
    for _ in range(workers):
        cluster.add()
    for worker in cluster.workers:
        await asyncio.to_thread(worker.ready)
    stop, faults = asyncio.Event(), Faults(cluster, weaviate, cluster.seed)
    following = asyncio.create_task(cluster.follow())
    loading = asyncio.create_task(cluster.load(Load(cluster.seed), pace_s, stop))
    began = time.monotonic()
    try:
        for strike in strikes:
            await asyncio.sleep(strike.after_s)
            print(
                f"{time.monotonic() - began:6.1f} s  {strike.fault}  ({len(cluster.sent)} sent)", flush=True
            )
            await faults.strike(strike.fault)
            if loading.done():
                await loading
        stop.set()
        await loading
        await cluster.settle()
        for worker in list(cluster.workers[1:]):
            await cluster.remove(worker)
        problems = await cluster.check()
        for worker in list(cluster.workers):
            await cluster.remove(worker)
        problems += [one for one in cluster.problems if one not in problems]
    finally:
        stop.set()
        for task in (following, loading):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        cluster.end()
    print(
        f"seed {cluster.seed}: {len(cluster.sent)} records, {dict(cluster.outcomes())},"
        f" faults {dict(Counter(faults.struck))}, {len(problems)} problems,"
        f" {time.monotonic() - began:.0f} s",
        flush=True,
    )
    return problems


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
        problems = asyncio.run(run(cluster, weaviate, strikes))
    for problem in problems[:50]:
        print(f"WRONG {problem}")
    print(f"{len(problems)} problems; logs in {folder}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
