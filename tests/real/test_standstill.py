"""A worker in which nothing comes of any record, though all that it asks is well: who says so, and its end.

Its store takes no document's head, while the canary's go through: nothing is known to be down.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys

import httpx
import pytest

from tests.asked import Site
from tests.bench.stub import stub

LIMIT_S = 60
STUCK = """
import asyncio, pathlib, sys
from streams.agents.pump import pump, standstill
from streams.cli import main
from streams.indexing.batching.documents import CoalescedDocuments

write = CoalescedDocuments.write_heads

async def hangs(self, heads):
    while pathlib.Path({shut!r}).exists():
        await asyncio.sleep(0.05)
    await write(self, heads)

CoalescedDocuments.write_heads = hangs
standstill.LOOK_S, pump.ASKED_MAX_S = 0.5, 3.0 - pump.PumpSettings("").handle_limit_s - 10.0
main()
"""
"""A worker that is stuck for three seconds before it says so, in place of eleven minutes."""


@pytest.fixture
async def site(kafka, tmp_path):
    with stub() as url:
        site = Site(kafka, tmp_path, url)
        await site.create()
        yield site


async def told(worker, code):
    """What `/readyz` names once it answers with this code."""
    async with httpx.AsyncClient(trust_env=False, timeout=LIMIT_S) as http, asyncio.timeout(LIMIT_S):
        while (said := await http.get(f"http://127.0.0.1:{worker.port}/readyz")).status_code != code:  # noqa: ASYNC110 - another process's
            await asyncio.sleep(0.1)
        return said.json()["parts"]


async def metric(worker, name):
    async with httpx.AsyncClient(trust_env=False, timeout=LIMIT_S) as http:
        text = (await http.get(f"http://127.0.0.1:{worker.port}/metrics")).text
    return next(float(line.split()[-1]) for line in text.splitlines() if line.startswith(name))


async def status(worker):
    command = [sys.executable, "-m", "streams", "status"]
    pipe = subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, env=worker.environ, stdout=pipe, stderr=pipe)
    out, _ = await process.communicate()
    return process.returncode, out.decode()


@pytest.mark.timeout(240)
async def test_a_worker_that_stands_still_says_so_everywhere_names_the_records_and_is_well_again(
    site, tmp_path
):
    shut = tmp_path / "shut"
    with site.worker(roles="index") as worker:
        worker.kill()
        worker.command[1:3] = ["-c", STUCK.format(shut=str(shut))]
        worker.start()
        await asyncio.to_thread(worker.ready)
        shut.touch()
        async with site.asking() as ask:
            at = await ask.put(site.changes, "alpha")
        parts = await told(worker, 503)
        place = f"{at['topic']}-{at['partition']}-{at['offset']}"
        assert (parts["kafka"], parts["store"]) == ("ok", "ok")
        assert parts["index"].startswith("nothing has come of any record for ")
        assert place in parts["index"]
        assert await metric(worker, 'streams_pump_running{pump="index"}') == 0
        code, said = await status(worker)
        assert (code, f"WAITS index       {parts['index']}" in said) == (3, True), said
        assert place in worker.log.read_text()

        shut.unlink()
        assert (await told(worker, 200))["index"] == "ok"
        assert await metric(worker, 'streams_pump_running{pump="index"}') == 1
        assert await asyncio.to_thread(worker.stop) == 0
