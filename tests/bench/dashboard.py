"""The dashboard's figures over a run in which the first model fails for two minutes: docs/dashboard.svg.

`python tests/bench/dashboard.py` starts Kafka, Weaviate, a stand-in for Ollama, a worker, and a Prometheus
that scrapes it and evaluates the alerts; asks and changes at a steady rate; and draws what the queries of the
dashboard give. `--data FILE` keeps that, and draws it again where it is there.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import re
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from ops.observe.drawing import Line, Stretch, lines, picture
from ops.observe.panels import PANELS, RATE, Panel, Query
from ops.servers.launch import Kafka, Weaviate
from streams.errors import StreamsError
from tests.bench.stub import stub
from tests.observed import FIRST, Watched

PICTURE = Path(__file__).parents[2] / "docs/dashboard.svg"
BEFORE_S, FAILS_S, AFTER_S = 90, 120, 120
STEP_S = 2
WINDOW = "20s"
DOCUMENTS = 30
ALERTS = Panel(
    "Alerts that fire",
    "bool_on_off",
    (Query('max by (alertname) (ALERTS{alertstate="firing"})', "{{alertname}}"),),
)
SHOWN = (
    "Answers by route", "Why not the first model", "Circuit", "First token (p95)", "Whole answer (p95)",
    "Questions without an answer", "Slots and who waits", "Tokens a second", "Model server, failures",
    "Model server (p95)", "Store (p95)", "Items in a call (mean)", "Records by outcome",
    "A change can be found after", "Where a change's time goes (mean)", "Behind, by topic", "Standing still",
)  # fmt: skip


async def every(seconds, what):
    """Does it again and again, however long each time takes."""
    number, running = 0, set()
    try:
        while True:
            task = asyncio.create_task(what(number))
            running.add(task)
            task.add_done_callback(running.discard)
            number += 1
            await asyncio.sleep(seconds)
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def run(folder):
    """When it began, failed, was mended and ended; and each panel's series."""
    with (
        Kafka(folder / "kafka") as kafka,
        Weaviate(folder / "weaviate") as weaviate,
        stub(embed_ms=4, first_ms=80, token_ms=4, tokens=20) as url,
    ):
        async with Watched(folder, kafka.bootstrap, weaviate, url) as watched:
            client = watched.client

            async def change(number):
                n = number % DOCUMENTS
                text = f"Alpha{n} beta{n} gamma{n} delta{n}. Edition {number}."
                await client.put(f"doc-{n}", text, changed_at=datetime.now(UTC))

            async def ask(number):
                n = number % DOCUMENTS
                with contextlib.suppress(StreamsError):
                    await client.ask(f"alpha{n} beta{n} gamma{n}", deadline_ms=20_000)

            for number in range(DOCUMENTS):
                await change(number)
            beside = [asyncio.create_task(every(2.0, change)), asyncio.create_task(every(1.0, ask))]
            await asyncio.sleep(45)  # until the windows of the queries are full
            moments = [time.time()]
            await asyncio.sleep(BEFORE_S)
            await watched.fail(FIRST)
            moments.append(time.time())
            await asyncio.sleep(FAILS_S)
            await watched.fail()
            moments.append(time.time())
            await asyncio.sleep(AFTER_S)
            moments.append(time.time())
            series = {
                query.expr: watched.prometheus.range(
                    query.expr.replace(RATE, WINDOW), moments[0], moments[-1], STEP_S
                )
                for panel in (*PANELS, ALERTS)
                for query in panel.queries
            }
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
    return {"moments": moments, "series": series}


def draw(data):
    """The picture of what was run."""
    begin, failed, mended, end = data["moments"]
    chosen = [panel for title in SHOWN for panel in PANELS if panel.title == title]

    def drawn(panel) -> list[Line]:
        found = [line for query in panel.queries for line in lines(query, data["series"][query.expr])]
        return [replace(line, name=re.sub(r"watched-\w+\.", "", line.name)) for line in found]

    title = (
        "The dashboard while the first model fails for two minutes (shaded); minutes across, panels and"
        " queries as in ops/observe/grafana"
    )
    return picture(
        title,
        [(panel, drawn(panel)) for panel in (*chosen, ALERTS)],
        Stretch(begin, end, (failed, mended), "the first model fails"),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--out", type=Path, default=PICTURE)
    given = parser.parse_args()
    if given.data and given.data.exists():
        data = json.loads(given.data.read_text())
    else:
        with tempfile.TemporaryDirectory() as folder:
            data = asyncio.run(run(Path(folder)))
        if given.data:
            given.data.write_text(json.dumps(data))
    given.out.write_text(draw(data))
    print(given.out)


if __name__ == "__main__":
    main()
