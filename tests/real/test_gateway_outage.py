"""Two gateways whose Kafka goes away and comes back: what is asked meanwhile is 503, and soon."""

import asyncio
import itertools
import os
from contextlib import AsyncExitStack
from datetime import UTC, datetime

import httpx
import pytest

from streams.gateway.access import keys
from streams.kafka import topics
from streams.messages.receipts import IndexReceipt
from streams.messages.records import Offset
from streams.settings import load
from streams.wiring import connection, topic_plan
from tests.consoles import Gateway
from tests.staged import ANSWERS, QUESTIONS, Stage

pytestmark = pytest.mark.timeout(300)

BOUND_S = 60
"""Within which each request has ended, however loaded the machine is."""
ASKED = {"text": "When does the ferry leave?", "deadline_ms": 240_000}


class Doors:
    """Two gateways of one Kafka; the workers' part is played on the stage, and there is no index."""

    def __init__(self, kafka, folder, stack):
        self.kafka, self.stack = kafka, stack
        self.settings = {
            "kafka_bootstrap_servers": kafka.bootstrap, "store": "sqlite", "sqlite_path": folder / "index.db",
            "topic_questions": QUESTIONS, "topic_answers": ANSWERS, "topic_partitions": 1,
            "api_keys_file": folder / "keys.json",
        }  # fmt: skip
        key, self.key = keys.made(tenant="acme", principals=(), scopes=keys.SCOPES, now=datetime.now(UTC))
        keys.write(folder / "keys.json", keys.KeyFile(keys=(key,)))
        ours = {name: value for name, value in os.environ.items() if not name.startswith("STREAMS_")}
        environ = {f"STREAMS_{name.upper()}": str(value) for name, value in self.settings.items()}
        self.gateways, self.numbers = [], itertools.count()
        for name in ("one", "other"):
            (folder / name).mkdir()
            gateway = Gateway(folder / name, {**ours, **environ})
            stack.callback(gateway.stop)
            self.gateways.append(gateway)

    async def open(self):
        """Makes the topics, a client for each gateway, and the stage."""
        settings = load(env_file=None, **self.settings)
        await topics.create(connection(settings), topics.wanted(topic_plan(settings)))
        self.clients = [await self.client(gateway) for gateway in self.gateways]
        self.stage = await self.stack.enter_async_context(Stage(self.settings))

    async def client(self, gateway):
        headers = {"Authorization": f"Bearer {self.key}", "X-API-Version": "1"}
        url = (await asyncio.to_thread(gateway.wait)).url
        client = httpx.AsyncClient(base_url=url, headers=headers, timeout=BOUND_S, trust_env=False)
        return await self.stack.enter_async_context(client)

    async def ask(self, client):
        """A question that waits, as the workers have it; what was given up without Kafka may come before."""
        text = f"When does ferry {next(self.numbers)} leave?"
        asking = asyncio.create_task(client.post("/v1/questions", json={**ASKED, "text": text}, timeout=240))
        while (played := await self.stage.asked()).question.text != text:
            pass
        return asking, played

    async def serves(self, client):
        """Returns once the gateway takes a document, then asks it a question, which is answered."""
        async with asyncio.timeout(90):
            while (await client.put("/v1/documents/ferry", json={"text": "At noon."})).status_code != 202:
                pass
        asking, played = await self.ask(client)
        await played.ends([], "At noon.")
        answer = await asking
        assert (answer.status_code, answer.json()["text"]) == (200, "At noon.")
        return answer.headers["location"]


@pytest.fixture
async def doors(kafka_broker, tmp_path):
    async with AsyncExitStack() as stack:
        doors = Doors(kafka_broker, tmp_path, stack)
        await doors.open()
        yield doors


async def test_what_is_asked_without_kafka_is_503_and_soon_and_all_goes_on_when_it_is_back(doors):
    one, other = doors.clients
    where = await doors.serves(one)
    await doors.serves(other)
    waiting, played = await doors.ask(one)
    feed = await doors.stack.enter_async_context(other.stream("GET", "/v1/indexed/events"))

    await asyncio.to_thread(doors.kafka.kill)
    requests = [
        ("PUT", "/v1/documents/ferry", {"json": {"text": "At one."}}),
        ("DELETE", "/v1/documents/ferry", {}),
        ("POST", "/v1/questions", {"json": ASKED}),
        ("POST", "/v1/questions", {"json": {**ASKED, "stream": True}}),
        ("POST", "/v1/chat/completions",
         {"json": {"model": "rag-streams", "messages": [{"role": "user", "content": "When?"}]}}),
        ("GET", where, {"headers": {"Last-Event-ID": "1.0"}}),
        ("GET", "/v1/history/ferry", {}),
        ("GET", "/v1/dead", {}),
        ("GET", "/readyz", {}),
    ]  # fmt: skip
    answers = await asyncio.gather(
        *(client.request(method, path, **more) for client in doors.clients for method, path, more in requests)
    )
    for answer in answers:
        said = f"{answer.request.method} {answer.request.url.path}: {answer.text}"
        assert answer.status_code == 503, said
        assert answer.request.url.path == "/readyz" or "Retry-After" in answer.headers, said
    for client in doors.clients:
        status = await client.get("/v1/status")
        assert (status.status_code, status.json()["behind"]) == (200, None)

    await asyncio.to_thread(doors.kafka.start)
    for client in doors.clients:
        await doors.serves(client)
        assert (await client.get("/readyz")).status_code == 200
    assert "answer.completed" in (await other.get(where)).text
    await played.ends([], "At noon, as ever.")
    assert (await waiting).json()["text"] == "At noon, as ever."
    receipt = IndexReceipt(
        document_id="ferry", tenant="acme", outcome="indexed", reason=None, position=None, embed_model="m",
        source=Offset(topic="documents.changes", partition=0, offset=0), changed_at=None,
        indexed_at=datetime.now(UTC),
    )  # fmt: skip
    await doors.stage.send("documents.indexed", "acme/ferry", receipt.model_dump_json())
    async with asyncio.timeout(BOUND_S):
        async for line in feed.aiter_lines():
            if line == "event: receipt":
                break
        else:
            pytest.fail("the stream that was open before ended without a word")
