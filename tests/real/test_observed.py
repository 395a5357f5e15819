"""A real Prometheus scrapes a real worker, and every query of the dashboard and the alerts has its answer."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import suppress

import pytest

from ops.observe.panels import PANELS, RATE
from streams.errors import StreamsError
from tests.bench.stub import stub
from tests.conftest import lacking
from tests.observed import FIRST, Watched

LIMIT_S = 90
WINDOW = "1m"
MANY = 40
WHEN_ILL = {"Guard", "Tries again", "Store, failures"}
"""Panels that show nothing while all is well: what they count has no fixed list of labels."""


async def eventually(ask, what):
    until = time.monotonic() + LIMIT_S
    while not (found := await asyncio.to_thread(ask)):
        assert time.monotonic() < until, f"nothing in {LIMIT_S} s: {what}"
        await asyncio.sleep(0.5)
    return found


@pytest.mark.timeout(600)
async def test_every_query_of_dashboard_and_alerts_is_answered_by_a_prometheus_that_scrapes_a_worker(
    kafka, weaviate, tmp_path
):
    if shutil.which("prometheus") is None:
        lacking("prometheus is not there: it is Debian's package of that name")
    with stub(embed_ms=1, first_ms=1, token_ms=1, tokens=5) as url:
        async with Watched(tmp_path, kafka, weaviate, url) as watched:
            await happen(watched)
            prometheus = watched.prometheus
            for panel in PANELS:
                for query in panel.queries:
                    expr = query.expr.replace(RATE, WINDOW)
                    if panel.title in WHEN_ILL:
                        await asyncio.to_thread(prometheus.query, expr)
                    else:
                        await eventually(lambda expr=expr: prometheus.query(expr), expr)
            for alert in ("RagStreamsDeadLetters", "RagStreamsCircuitOpen"):
                await eventually(lambda alert=alert: states(prometheus)[alert] == "firing", alert)
            assert {rule["health"] for rule in prometheus.rules()} == {"ok"}
            assert states(prometheus)["RagStreamsNoWorker"] == "inactive"
            await few_series(watched)
    assert watched.stopped == 0


def states(prometheus):
    return {rule["name"]: rule["state"] for rule in prometheus.rules()}


async def happen(watched):
    """Documents, one of them bad; questions, one too many for the index; a model that fails; a comparison."""
    client = watched.client
    for number in range(6):
        await client.put(f"doc-{number}", f"Alpha{number} beta{number} gamma{number} delta{number}.")
    last = await client.put("doc-0", "Alpha0 beta0 gamma0 delta0. One more paragraph.")
    await watched.send_bad_change()
    for number in range(3):
        completed = await client.ask(f"alpha{number} beta{number} gamma{number}", after=[last])
        assert completed.route == "primary", completed
    assert (await client.ask("zebra quagga okapi")).abstained
    await watched.fail(FIRST)
    for number in range(4):
        completed = await client.ask(f"alpha{number} beta{number} gamma{number}")
        assert completed.route == "fallback", completed
    with suppress(StreamsError):
        await client.ask("   ")
    environ = {name: value for name, value in os.environ.items() if not name.startswith("STREAMS_")}
    environ |= watched.environ | {"STREAMS_METRICS_PORT": str(watched.worker.port)}
    for command, said in (("reconcile", b""), ("status", b"ok    kafka"), ("status --json", b'"workers": 1')):
        ended = await asyncio.to_thread(
            subprocess.run, [sys.executable, "-m", "streams", *command.split()],
            env=environ, capture_output=True, check=False,
        )  # fmt: skip
        assert ended.returncode == 0, ended.stderr
        assert said in ended.stdout


async def few_series(watched):
    """As many series after many tenants, ids and texts as before."""
    count = 'count({__name__=~"streams_.*"})'
    before = await asyncio.to_thread(watched.prometheus.query, count)
    changes = [
        (f"tenant{n}/id{n}".encode(), json.dumps({"id": f"id{n}", "text": f"word{n} word"}).encode())
        for n in range(MANY)
    ]
    questions = [
        (None, json.dumps({"id": f"q{n}", "tenant": f"tenant{n}", "text": f"word{n}?"}).encode())
        for n in range(MANY)
    ]
    await watched.send("changes", *changes)
    await watched.send("questions", *questions)
    done = f'min(streams_records_total{{outcome="done"}}) >= {MANY}'
    await eventually(lambda: watched.prometheus.query(done), done)
    after = await asyncio.to_thread(watched.prometheus.query, count)
    assert float(after[0]["value"][1]) - float(before[0]["value"][1]) < 20
