"""A stand-in for Ollama whose own time is known, so that what is left over is ours.

`python tests/bench/stub_ollama.py --port 0 --embed-ms 20 --first-ms 50 --token-ms 5` prints its URL. A
batch of up to 32 texts costs `--embed-ms` (batches follow one another, as on one GPU), or its share of
`--rate` texts a second. Vectors are hashed bags of words, so that retrieval finds what shares words; with
`--rate` they are put together of ready pieces, so that the stub is not what is measured. With `--sharing 1`
replies that are made at the same time share the model: of two each takes twice as long.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import logging
import math
import random
import re
import time
import zlib

from aiohttp import web

DIMENSION = 384
BATCH = 32
STEP_S = 0.005
WORD = re.compile(r"\w+")


def dimension_of(model: str) -> int:
    """A model named `stub-NUMBER` has vectors of so many numbers, any other one of 384."""
    named = re.fullmatch(r"stub-(\d+)(:.*)?", model)
    return int(named[1]) if named else DIMENSION


def window_of(model: str) -> int:
    """The chat model takes prompts of a usual length, any other one 512 tokens, as the real embedder does."""
    return 8192 if model.split(":", maxsplit=1)[0] == "stub" else 512


def vector(text: str, model: str = "") -> list[float]:
    """The unit vector of a text's words, each hashed to a dimension and a sign; no two models' are alike."""
    dimension = dimension_of(model)
    salt = model if dimension != DIMENSION else ""
    sums = [0.0] * dimension
    for word in WORD.findall(text.lower()):
        digest = zlib.crc32((salt + word).encode())
        sums[digest % dimension] += 1.0 if digest & 0x10000 else -1.0
    norm = math.sqrt(sum(x * x for x in sums)) or 1.0
    return [round(x / norm, 4) for x in sums] if any(sums) else [1.0, *[0.0] * (dimension - 1)]


class Pieces:
    """Vectors written as JSON in a few microseconds: eight pieces, each one of 256, by the text's hash."""

    COUNT = 8

    def __init__(self) -> None:
        self.random = random.Random(8)
        self.written = [[self._piece() for _ in range(256)] for _ in range(self.COUNT)]

    def _piece(self) -> str:
        numbers = [self.random.gauss(0, 1) for _ in range(DIMENSION // self.COUNT)]
        norm = math.sqrt(self.COUNT * sum(x * x for x in numbers))
        return ",".join(f"{x / norm:.7f}" for x in numbers)

    def vector(self, text: str) -> str:
        digest = hashlib.blake2b(text.encode(), digest_size=self.COUNT).digest()
        return ",".join(pieces[byte] for pieces, byte in zip(self.written, digest, strict=True))


class Stub:
    """The endpoints, and the time that they say they took."""

    def __init__(
        self,
        *,
        embed_ms: float,
        first_ms: float,
        token_ms: float,
        tokens: int,
        rate: float = 0,
        sharing: bool = False,
    ) -> None:
        self.embed_ms, self.first_ms, self.token_ms, self.tokens = embed_ms, first_ms, token_ms, tokens
        self.rate, self.free_at, self.pieces, self.sharing = rate, 0.0, Pieces(), sharing
        self.one_at_a_time = asyncio.Lock()
        self.embedded = 0
        self.failing: frozenset[str] = frozenset()
        self.chats: dict[int, float] = {}
        self.busy_s = 0.0

    async def embed(self, request: web.Request) -> web.Response:
        body = await request.json()
        texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
        if self.embed_ms:
            async with self.one_at_a_time:
                await asyncio.sleep(self.embed_ms / 1000 * math.ceil(len(texts) / BATCH))
        self.embedded += len(texts)
        if self.rate:
            return await self._at_rate(body["model"], texts)
        vectors = [vector(text, body["model"]) for text in texts]
        return web.json_response({"model": body["model"], "embeddings": vectors})

    async def _at_rate(self, model: str, texts: list[str]) -> web.Response:
        """By a clock of its own, so that a sleep that lasts too long makes the next one shorter."""
        now = time.monotonic()
        # No more than a tenth of a second is caught up with: an idle model saves nothing.
        self.free_at = max(self.free_at, now - 0.1) + len(texts) / self.rate
        await asyncio.sleep(self.free_at - now)
        vectors = ",".join(f"[{self.pieces.vector(text)}]" for text in texts)
        return web.Response(
            text=f'{{"model":{json.dumps(model)},"embeddings":[{vectors}]}}', content_type="application/json"
        )

    async def chat(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        if body["model"] in self.failing:
            return web.json_response({"error": "told to fail"}, status=500)
        if not body.get("messages"):
            return web.json_response(
                {
                    "model": body["model"],
                    "done": True,
                    "done_reason": "load",
                    "message": {"role": "assistant", "content": ""},
                }
            )
        self.chats[id(request)] = time.perf_counter()
        try:
            return await self._reply(request, body)
        finally:
            self.busy_s += time.perf_counter() - self.chats.pop(id(request))

    async def _reply(self, request: web.Request, body: dict) -> web.StreamResponse:
        began = time.perf_counter()
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await response.prepare(request)
        await self._work(self.first_ms / 1000)
        for number in range(self.tokens):
            await self._work(self.token_ms / 1000 if number else 0)
            line = {
                "model": body["model"],
                "message": {"role": "assistant", "content": f"word{number} "},
                "done": False,
            }
            await response.write(json.dumps(line).encode() + b"\n")
        took = int((time.perf_counter() - began) * 1e9)
        last = {
            "model": body["model"],
            "message": {"role": "assistant", "content": "[1]."},
            "done": True,
            "done_reason": "stop",
            "prompt_eval_count": 100,
            "eval_count": self.tokens,
            "total_duration": took,
        }
        await response.write(json.dumps(last).encode() + b"\n")
        return response

    async def _work(self, seconds: float) -> None:
        """So much of the model's time; how many share it is seen every 5 ms."""
        while self.sharing and seconds > STEP_S:
            await asyncio.sleep(STEP_S * max(1, len(self.chats)))
            seconds -= STEP_S
        await asyncio.sleep(seconds * (max(1, len(self.chats)) if self.sharing else 1))

    async def fail(self, request: web.Request) -> web.Response:
        """Has the models that are named fail from now on, and all others answer."""
        self.failing = frozenset(await request.json())
        return web.json_response(sorted(self.failing))

    async def busy(self, _request: web.Request) -> web.Response:
        """Seconds of all replies, those under way too."""
        now = time.perf_counter()
        return web.json_response({"busy_s": self.busy_s + sum(now - began for began in self.chats.values())})

    async def tags(self, _request: web.Request) -> web.Response:
        return web.json_response(
            {
                "models": [
                    {"name": name, "model": name, "size": 1} for name in ("stub:latest", "stub-embed:latest")
                ]
            }
        )

    async def show(self, request: web.Request) -> web.Response:
        body = await request.json()
        return web.json_response(
            {
                "model_info": {
                    "general.architecture": "bert",
                    "bert.context_length": window_of(body["model"]),
                    "bert.embedding_length": dimension_of(body["model"]),
                },
                "capabilities": ["embedding", "completion"],
                "details": {"family": "bert"},
            }
        )

    async def running(self, _request: web.Request) -> web.Response:
        return web.json_response({"models": []})

    async def version(self, _request: web.Request) -> web.Response:
        return web.json_response({"version": "0.0.0-stub"})

    async def generate(self, request: web.Request) -> web.Response:
        body = await request.json()
        return web.json_response(
            {"model": body["model"], "response": "", "done": True, "done_reason": "load"}
        )


def application(stub: Stub) -> web.Application:
    """The stub's routes."""
    app = web.Application(client_max_size=1 << 28)
    app.add_routes(
        [
            web.post("/api/embed", stub.embed),
            web.post("/api/chat", stub.chat),
            web.get("/busy", stub.busy),
            web.get("/api/tags", stub.tags),
            web.get("/api/ps", stub.running),
            web.post("/api/show", stub.show),
            web.get("/api/version", stub.version),
            web.post("/api/generate", stub.generate),
            web.put("/stub/failing", stub.fail),
        ]
    )
    return app


async def main() -> None:
    # A client that stops a reply early is nothing to report.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--embed-ms", type=float, default=0)
    parser.add_argument("--rate", type=float, default=0, help="texts a second")
    parser.add_argument("--first-ms", type=float, default=50)
    parser.add_argument("--token-ms", type=float, default=5)
    parser.add_argument("--tokens", type=int, default=40)
    parser.add_argument("--sharing", type=int, default=0, help="1: replies share the model")
    given = parser.parse_args()
    stub = Stub(
        embed_ms=given.embed_ms, first_ms=given.first_ms, token_ms=given.token_ms, tokens=given.tokens,
        rate=given.rate, sharing=bool(given.sharing),
    )  # fmt: skip
    # As the real one, it stops what nobody reads any more.
    runner = web.AppRunner(application(stub), access_log=None, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", given.port).start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
