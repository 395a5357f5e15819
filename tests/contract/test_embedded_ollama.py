import asyncio
import importlib.util
import sys
from contextlib import aclosing, contextmanager
from pathlib import Path

import httpx
import pytest

from ops.servers.process import Server, answers, free_ports
from streams.embedded.models import MODELS
from streams.errors import Misconfigured, PromptTooLong
from streams.ollama.client import OllamaClient, OllamaConfig
from streams.ollama.errors import Overloaded, UnknownModel
from tests.conftest import ROOT, lacking
from tests.contract.ollama_suite import CHAT, EMBED, OllamaSuite, asking


class ModelServerProcess(Server):
    name = "models"

    def __init__(self, folder, *arguments):
        port = free_ports()
        self.url = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "streams.embedded.server", "--port", str(port), *arguments]
        super().__init__(command, folder, {"PYTHONPATH": str(ROOT)})

    def ready(self):
        return answers(f"{self.url}/api/version")


@contextmanager
def serving(folder, *arguments):
    if importlib.util.find_spec("xllamacpp") is None:
        lacking('no embedded mode: pip install "rag-streams[embedded]"')
    try:
        assert all(model.paths() for model in MODELS)
    except Misconfigured as missing:
        lacking(str(missing))
    with ModelServerProcess(folder, *arguments) as server:
        yield server


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("models")) as server:
        yield server.url


class TestEmbeddedOllama(OllamaSuite):
    async def test_what_is_bundled_is_pulled_at_once_and_nothing_else_can_be(self, client):
        steps = [step.status async for step in client.pull(CHAT)]
        assert steps[-1] == "success"
        with pytest.raises(UnknownModel):
            [step async for step in client.pull("llama3:70b")]

    async def test_a_prompt_beyond_the_models_context_is_refused_not_cut(self, client):
        with pytest.raises(PromptTooLong):
            await client.chat_once(asking("word " * 9000, max_tokens=4))

    async def test_a_prompt_is_generated_from_as_well(self, url):
        async with httpx.AsyncClient(base_url=url, timeout=30) as raw:
            body = {"model": CHAT, "prompt": "Say hi.", "stream": False, "options": {"num_predict": 4}}
            reply = (await raw.post("/api/generate", json=body)).json()
        assert reply["done"] is True
        assert reply["response"]

    async def test_a_question_need_not_wait_for_a_batch_of_documents(self, client):
        batch = asyncio.create_task(client.embed(EMBED, ["some words of a document " * 60] * 32))
        await asyncio.sleep(0)
        await client.embed(EMBED, ["question"])
        assert not batch.done()
        assert len(await batch) == 32


async def test_a_larger_context_is_had_by_asking_for_it(tmp_path):
    with serving(tmp_path) as server:
        async with OllamaClient(OllamaConfig(server.url)) as client:
            with pytest.raises(PromptTooLong):
                await client.chat_once(asking("word " * 300, num_ctx=256, max_tokens=2))
            larger = await client.chat_once(asking("word " * 300, num_ctx=512, max_tokens=2))
            assert larger.prompt_tokens > 300


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_prompts_that_were_answered_take_no_memory(tmp_path):
    with serving(tmp_path) as server:
        async with OllamaClient(OllamaConfig(server.url)) as client:
            resident = []
            for number in range(6):
                await client.chat_once(asking(f"{number} apples. " * 120, num_ctx=1024, max_tokens=1))
                resident.append(resident_mb(server.pid))
    assert resident[-1] - resident[1] < 20, resident


def resident_mb(pid):
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))


async def test_where_too_many_wait_one_more_is_told_so_at_once(tmp_path):
    with serving(tmp_path, "--most", "1") as server:
        async with OllamaClient(OllamaConfig(server.url, attempts=1)) as client:
            async with aclosing(client.chat(asking("Write a very long story.", max_tokens=1500))) as chat:
                await anext(chat)
                with pytest.raises(Overloaded) as raised:
                    await client.chat_once(asking("hi", max_tokens=1))
            assert raised.value.retry_after == 1.0
            assert await client.embed(EMBED, ["embeddings have a queue of their own"])
