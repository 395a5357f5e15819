"""Weaviate killed in the middle of a switch: right before the record is written, and right after."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys

import pytest

from streams.worker.parts import open_index
from tests.apart import weaviate_settings
from tests.bench.index import stub
from tests.real.test_reconcile import Site

DOCUMENTS = 20
LIMIT_S = 120


@pytest.fixture
async def site(kafka, weaviate_server, tmp_path, monkeypatch):
    with stub(embed_ms=0) as url:
        one = Site(tmp_path, kafka, url, monkeypatch, weaviate_settings(weaviate_server))
        await one.create()
        await asyncio.to_thread(one.worker.start().ready)
        yield one
        assert await asyncio.to_thread(one.worker.stop) == 0


class Reindex:
    """The command in a process of its own, whose steps are read as it says them."""

    def __init__(self, site):
        self.site, self.steps = site, []

    async def __aenter__(self):
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "streams", "reindex", "--chunk-characters", "300", "--force", "--json",
            env=self.site.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        return self

    async def __aexit__(self, *_):
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()

    async def until(self, step):
        """Returns once that step is said."""
        async for line in self.process.stdout:
            self.steps.append(json.loads(line)["step"])
            if self.steps[-1] == step:
                return
        pytest.fail(f"it ended after {self.steps}: {(await self.process.stderr.read()).decode()}")

    async def ended(self):
        """How it ended, and what it said of that."""
        out, err = await self.process.communicate()
        self.steps += [json.loads(line)["step"] for line in out.splitlines()]
        return self.process.returncode, err.decode()


async def record_of(site):
    index = await open_index(site.settings)
    try:
        return await index.generations()
    finally:
        await index.close()


async def switched(site):
    """Returns once the record says that the new generation is live."""
    index = await open_index(site.settings)
    try:
        while (await index.generations()).live.name == "g1":  # noqa: ASYNC110 - another process's step
            await asyncio.sleep(0.02)
    finally:
        await index.close()


async def killed_and_back(server):
    await asyncio.to_thread(server.kill)
    await asyncio.to_thread(server.start)


async def changed(site, put, turn):
    """Some documents, written while Weaviate comes back or the command goes on."""
    for number in range(0, DOCUMENTS, 4):
        await put("acme", f"doc-{number}", f"turn {turn} of {number}. " * 60)


@pytest.mark.timeout(400)
async def test_a_switch_in_which_weaviate_is_killed_is_done_or_not_and_loses_nothing(site, weaviate_server):
    async with site.producing() as put, asyncio.timeout(3 * LIMIT_S):
        for number in range(DOCUMENTS):
            await put("acme", f"doc-{number}", f"the first text of {number}. " * 60)
        await site.consumed()

        async with Reindex(site) as first:
            await first.until("recall@5")
            await killed_and_back(weaviate_server)
            await changed(site, put, 1)
            code, said = await first.ended()
        assert code in {0, 3}, said
        print(f"killed before the switch: exit {code}, {first.steps}")
        there = await record_of(site)
        assert (there.live.name, there.previous is not None) in {("g1", False), ("g2", True)}

        async with Reindex(site) as second:
            await switched(site)
            await killed_and_back(weaviate_server)
            await changed(site, put, 2)
            code, said = await second.ended()
        assert code in {0, 3}, said
        print(f"killed after the switch: exit {code}, {second.steps}")
        there = await record_of(site)
        assert (there.live.name, there.building) == ("g2", None)

        await changed(site, put, 3)
        await site.consumed()
        assert await site.wrong() == []
        assert (await site.reconcile())[-1]["clean"]
    assert site.worker.process.poll() is None
