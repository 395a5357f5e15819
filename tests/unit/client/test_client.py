"""A client that is left: who waits for it still, or comes later, is told, and nothing is opened anew."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from streams.client import Client
from streams.errors import Rejected
from streams.kafka import tailing
from streams.messages.records import Offset
from streams.settings import Settings


@pytest.fixture
def opened(monkeypatch):
    """Readers of the topic of answers that were begun, and ended; they have nothing to give."""
    tails = {"begun": 0, "ended": 0}

    @asynccontextmanager
    async def tail(*_, **__):
        async def nothing():
            await asyncio.Event().wait()
            yield

        tails["begun"] += 1
        try:
            yield nothing()
        finally:
            tails["ended"] += 1

    monkeypatch.setattr(tailing, "tail", tail)
    return tails


@pytest.fixture
def client(monkeypatch):
    made = Client(Settings(kafka_bootstrap_servers="127.0.0.1:1"))
    made.sent = asyncio.Queue()

    async def send(record):
        made.sent.put_nowait(record)
        return Offset(topic=record.topic, partition=0, offset=1)

    async def nothing():
        pass

    for name, does in (("send", send), ("start", nothing), ("stop", nothing)):
        monkeypatch.setattr(made._producer, name, does)
    return made


async def test_who_waits_for_an_answer_when_the_client_is_left_is_told(client, opened):
    async with client:
        waiting = asyncio.create_task(whole(client.ask("How long?", deadline_ms=600_000)))
        await client.sent.get()
    with pytest.raises(Rejected) as caught:
        await asyncio.wait_for(waiting, 60)
    assert caught.value.code == "closed"
    assert opened == {"begun": 1, "ended": 1}


async def test_who_comes_when_the_client_is_left_is_told_and_nothing_is_sent(client, opened):
    async with client:
        pass
    for work in (whole(client.ask("How long?")), client.put("a", "text"), client.delete("a")):
        with pytest.raises(Rejected) as caught:
            await work
        assert caught.value.code == "closed"
    assert (client.sent.qsize(), opened["begun"]) == (0, 0)


async def whole(answer):
    return await answer
