"""A model server whose GPU gives zeros: an outage, of which no change is a dead letter."""

import asyncio

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from streams.agents.pump.attempts import Attempts, Patience
from streams.agents.pump.backoff import Backoff
from streams.agents.pump.dependency import Dependency
from streams.agents.pump.scheduler import Scheduler
from streams.indexing.batching.embed import CoalescedEmbedder
from streams.ollama.client import OllamaClient, OllamaConfig
from streams.ollama.embedder import CANARY_TEXT, OllamaEmbedder
from streams.ports import unobserved

ZEROS, VECTOR = [0.0, 0.0, 0.0], [1.0, 0.0, 0.0]
TEXTS = ("one", "two", "three")


class Gpu:
    """An Ollama's."""

    def __init__(self):
        self.broken = True

    async def embed(self, request):
        texts = (await request.json())["input"]
        vector = ZEROS if self.broken else VECTOR
        return web.json_response({"model": "m", "embeddings": [vector] * len(texts)})

    def server(self):
        app = web.Application()
        app.router.add_post("/api/embed", self.embed)
        return TestServer(app)


@pytest.mark.timeout(60)
async def test_a_model_that_gives_zeros_shuts_the_gate_and_makes_no_dead_letters():
    gpu, shut = Gpu(), asyncio.Event()
    server = gpu.server()
    await server.start_server()
    client = OllamaClient(OllamaConfig(str(server.make_url(""))))
    model = OllamaEmbedder(client, "m", 3, 512)
    embedder, backoff = CoalescedEmbedder(model), Backoff(0.01, 0.02, lambda: 0.5)

    async def canary():
        await model.embed_documents([CANARY_TEXT])

    dependency = Dependency(
        canary, limit_s=10.0, backoff=backoff, changed=shut.set, misconfigured=lambda _: None
    )
    attempts = Attempts(
        dependency, Patience(1, 1, 60.0), backoff, unobserved, "index", scheduler=Scheduler(4)
    )
    async with server, client, asyncio.TaskGroup() as group:
        tried = [
            group.create_task(attempts(lambda text=text: embedder.embed_documents([text]))) for text in TEXTS
        ]
        await shut.wait()
        assert "model_broken" in dependency.problem
        assert not any(one.done() for one in tried)
        gpu.broken = False
    assert [one.result().outcome for one in tried] == [[VECTOR]] * 3
    await dependency.stop()
