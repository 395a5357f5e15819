import asyncio
import contextlib

import pytest

from streams.answering.generating.warming import Warming
from streams.ollama.client import OllamaClient, OllamaConfig
from streams.ollama.errors import Unreachable
from streams.worker.warming import begun, loader
from tests.unit.ollama.misbehaving import Misbehaving, hangs, says


@contextlib.asynccontextmanager
async def talking(act):
    async with Misbehaving([act]).running() as server:
        config = OllamaConfig(server.url, connect_timeout_s=5, keep_alive="24h", attempts=1)
        async with OllamaClient(config) as client:
            yield client, server


async def test_a_model_is_loaded_with_the_window_of_answers_to_stay():
    async with talking(says({"done": True})) as (client, server):
        await loader(client, 4096)("big")
    (request,) = server.requests
    assert request.path == "/api/generate"
    assert request.body == {
        "model": "big", "options": {"num_ctx": 4096}, "keep_alive": "24h", "stream": False,
    }  # fmt: skip


async def test_a_load_is_waited_for_as_long_as_the_server_answers():
    async def act(peer):
        if peer.request.path == "/api/generate":
            await asyncio.wait_for(looked.wait(), 30)
        await says({"done": True, "version": "0.11.4"})(peer)
        if len(server.requests) > 6:
            looked.set()

    looked = asyncio.Event()
    async with talking(act) as (client, server):
        await loader(client, 4096, look_s=0.01)("big")
    assert len(server.requests) > 6


async def test_a_server_that_falls_silent_is_not_waited_for():
    async with talking(hangs) as (client, _):
        with pytest.raises(Unreachable, match="fell silent while it loaded 'big'"):
            await loader(client, 4096, look_s=0.01)("big")


@pytest.mark.parametrize("stopped", [False, True])
async def test_the_start_waits_for_a_load_no_longer_than_it_may_and_not_once_it_is_told_to_stop(stopped):
    async def never(_model):
        await asyncio.Event().wait()

    stop = asyncio.Event()
    warming = Warming(never, ("big",), again_s=30, monotonic=lambda: 0.0)
    running = asyncio.create_task(warming.run())
    if stopped:
        stop.set()
    await asyncio.wait_for(begun(warming, stop, 1e6 if stopped else 0.01), 30)
    assert warming.cold("big")
    running.cancel()
