"""An index in SQLite files, a stand-in for the model server, and commands that work on them."""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import timedelta

from aiohttp import web

from streams.indexing.cutting.chunk import chunk
from streams.indexing.cutting.cut import HereCutter
from streams.indexing.cutting.parse import parse
from streams.messages.changes import Change, Document
from streams.messages.records import Offset
from streams.ollama.client import OllamaClient, OllamaConfig
from streams.ports import Generations
from streams.settings import Settings
from streams.worker.evaluating import evaluation_of
from streams.worker.generations import opened
from streams.worker.reindex import Reindex
from tests.bench.stub_ollama import Stub, application

CUTTER = HereCutter(parse, chunk)
TEXT = "It was a bright cold day in April, and the clocks were striking number {n}. " * 20


class Told:
    """What a person would see."""

    def __init__(self):
        self.steps = []

    def step(self, name, **facts):
        self.steps.append((name, facts))

    def counted(self, step, total):
        """Not looked at."""

    def copied(self, copied):
        """Not looked at."""


@asynccontextmanager
async def stubbed():
    runner = web.AppRunner(application(Stub(embed_ms=0, first_ms=0, token_ms=0, tokens=1)), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        async with OllamaClient(OllamaConfig(f"http://127.0.0.1:{runner.addresses[0][1]}")) as client:
            yield client
    finally:
        await runner.cleanup()


class World:
    """An index with some documents, and commands that work on it."""

    def __init__(self, index, client, path):
        self.index, self.client, self.path = index, client, path
        self.told = Told()

    async def begin(self):
        first = await self.command().wanted("stub-64", 800)
        await self.index.replace_generations(None, Generations(first))
        await self.apply(*(change(f"d{n}", TEXT.format(n=n)) for n in range(12)), change("gone", None))

    def command(self, index=None):
        return Reindex(
            index or self.index, self.client, CUTTER, self.told,
            evaluation=lambda one: evaluation_of(one, Settings()), alpha=0.3,
            followed_s=0.05, kept_after_switch=timedelta(0),
        )  # fmt: skip

    async def apply(self, *changes):
        """As workers do while nothing is built."""
        live = await opened(self.index, self.client, (await self.index.generations()).live)
        for one in changes:
            await self.command()._indexer(live).apply(one)
        await live.store.close()

    async def passages(self, slot="live"):
        generation = getattr(await self.index.generations(), slot)
        store = await self.index.open(generation)
        heads = await store.heads([key async for key in store.document_keys()])
        await store.close()
        return {
            max(some, key=lambda head: head.position).record_key: len(
                max(some, key=lambda head: head.position).passages
            )
            for some in heads.values()
        }


def change(name, text, time=1):
    document = None if text is None else Document(tenant="t", id=name, text=text)
    at = Offset(topic="docs", partition=0, offset=time)
    return Change(source="docs", record_key=name, at=at, timestamp=time, document=document, time=time)
