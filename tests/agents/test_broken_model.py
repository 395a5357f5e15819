"""A model server whose GPU gives zeros: an outage, of which no change is a dead letter."""

import asyncio
import json

import httpx
import pytest

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
    """An Ollama's, as httpx has it."""

    def __init__(self):
        self.broken = True

    def __call__(self, request):
        texts = json.loads(request.content)["input"]
        vector = ZEROS if self.broken else VECTOR
        return httpx.Response(200, json={"model": "m", "embeddings": [vector] * len(texts)})


@pytest.mark.timeout(60)
async def test_a_model_that_gives_zeros_shuts_the_gate_and_makes_no_dead_letters():
    gpu, shut = Gpu(), asyncio.Event()
    client = OllamaClient(OllamaConfig(url="http://localhost:1"), transport=httpx.MockTransport(gpu))
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
    async with client, asyncio.TaskGroup() as group:
        tried = [
            group.create_task(attempts(lambda text=text: embedder.embed_documents([text]))) for text in TEXTS
        ]
        await shut.wait()
        assert "model_broken" in dependency.problem
        assert not any(one.done() for one in tried)
        gpu.broken = False
    assert [one.result().outcome for one in tried] == [[VECTOR]] * 3
    await dependency.stop()
