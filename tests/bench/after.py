"""What it costs to wait for one's own write: `make bench-after`.

A document is put, and at once a question asks for it by `after`. Of each, milliseconds

    waited   that the question waited for the index
    behind   from the change's receipt until the question went on: the commit and the poll, and nothing else
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
from pathlib import Path

from ops.servers.launch import Kafka
from streams.kafka.consume import tail
from streams.messages.receipts import IndexReceipt
from tests.asked import Site
from tests.bench.stub import stub

WARM_UP = 5


async def measured(site: Site, count: int) -> list[tuple[float, float]]:
    topic = f"{site.name}.indexed"
    found = []
    async with site.asking() as ask, tail(site.connection, topic) as receipts:
        for number in range(count):
            after = await ask.put(site.changes, f"doc-{number}", number % 2)
            end = await ask(after, id=f"q-{number}")
            assert (end.type, end.stale) == ("answer.completed", False), end
            went_on = end.at.timestamp() * 1000 - end.timings.total + end.timings.queued + end.timings.waited
            async for record in receipts:
                source = IndexReceipt.model_validate_json(record.value).source
                if source.model_dump() == after:
                    found.append((end.timings.waited, went_on - record.timestamp))
                    break
    return found[WARM_UP:]


def quantiles(values: list[float]) -> dict[str, float]:
    ordered = sorted(values)
    return {"p50": round(statistics.median(ordered), 1), "p95": round(ordered[int(len(ordered) * 0.95)], 1)}


async def main(folder: Path, bootstrap: str, count: int) -> None:
    with stub(first_ms=1, token_ms=0, tokens=3) as url:
        site = Site(bootstrap, folder, url)
        await site.create()
        with site.worker() as one, site.worker() as other:
            for worker in (one, other):
                await asyncio.to_thread(worker.ready)
            found = await measured(site, count)
    waited, behind = ([one[n] for one in found] for n in (0, 1))
    print(
        json.dumps({"questions": len(found), "waited_ms": quantiles(waited), "behind_ms": quantiles(behind)})
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--questions", type=int, default=100)
    given = parser.parse_args()
    here = Path(tempfile.mkdtemp(prefix="bench-after-"))
    broker = Kafka(here / "kafka")
    broker.ready_seconds = 180.0
    with broker:
        asyncio.run(main(here, broker.bootstrap, given.questions))
