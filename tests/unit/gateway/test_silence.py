"""Servers that take connections and say nothing: nobody queues behind another, and all are told in time."""

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime

import httpx
import pytest

from streams.client.inbox import Inbox
from streams.errors import Retryable
from streams.gateway.access import keys
from streams.gateway.access.keyring import Keyring
from streams.gateway.access.keys import KeyFile
from streams.gateway.app import application
from streams.gateway.asking.asking import Asking
from streams.gateway.endpoints import history, operations
from streams.gateway.parts import parts
from streams.gateway.reading import standing
from streams.gateway.reading.feed import Feed
from streams.gateway.reading.index import LiveIndex
from streams.gateway.reading.standing import Standing
from streams.kafka import tailing
from streams.kafka.connection import KafkaConnection
from streams.kafka.produce import Producer
from streams.messages.questions import Question
from streams.messages.records import Offset
from streams.ports import unobserved
from streams.settings import Settings
from streams.sources import QuestionTopic, Source, Topics

NOW = datetime(2026, 11, 26, tzinfo=UTC)
TOPICS = Topics(sources=(Source("changes"),), questions=(QuestionTopic("questions"),))
A_MOMENT_S = 0.05
A_WHILE_S = 0.5
"""For clients that are made meanwhile, which keeps the loop busy: all others' limit is twice this."""


async def told(*asked):
    """The one failure that all who ask at once are told of."""
    failures = {id(one): one for one in await asyncio.gather(*asked, return_exceptions=True)}
    (failure,) = failures.values()
    assert isinstance(failure, Retryable), failure
    return failure


async def test_all_who_ask_a_question_of_a_silent_kafka_are_told_by_one_attempt(silent):
    connection = KafkaConnection(silent)
    producer = Producer(connection, max_bytes=1000)
    asking = Asking(connection, TOPICS, "answers", producer, find_s=A_MOMENT_S)

    async def ask():
        async with AsyncExitStack() as stack:
            await asking.ask(Question(text="Why?"), (), stack, stands=lambda: True)

    assert (await told(*(ask() for _ in range(5)))).code == "kafka_down"
    await asking.close()


async def test_all_who_follow_receipts_of_a_silent_kafka_are_told_by_one_attempt(silent):
    feed = Feed(KafkaConnection(silent), "documents.indexed", open_s=A_MOMENT_S)

    async def follow():
        async with feed.followed("acme"):
            pass

    assert (await told(*(follow() for _ in range(5)))).code == "kafka_down"
    await feed.close()


async def test_all_who_look_a_document_up_in_a_silent_store_are_told_by_one_attempt(silent):
    settings = Settings(
        store="weaviate", weaviate_url=f"http://{silent}", kafka_bootstrap_servers="127.0.0.1:1"
    )
    index = LiveIndex(settings, limit_s=A_MOMENT_S)
    assert (await told(*(index.named("acme", ["a"]) for _ in range(5)))).code == "store_down"
    await index.close()


@pytest.fixture
async def standings(silent, tmp_path, monkeypatch):
    """Standings of a Kafka and a store that say nothing, by how long they are believed."""
    keys.write(tmp_path / "keys.json", KeyFile(keys=()))
    settings = Settings(store="weaviate", weaviate_url=f"http://{silent}", kafka_bootstrap_servers=silent)
    index = LiveIndex(settings)
    monkeypatch.setattr(standing, "LIMIT_S", A_WHILE_S)
    monkeypatch.setattr(standing, "MAX_AGE_S", 3600.0)
    keyring = Keyring(tmp_path / "keys.json", unobserved)
    made = Standing(settings, KafkaConnection(silent), TOPICS, index, keyring)
    yield made
    await made.close()
    await index.close()


async def test_how_far_the_index_is_is_not_waited_for_longer_than_for_a_moment(standings):
    with pytest.raises(Retryable) as failure:
        await standings.sources("acme")
    assert failure.value.code == "kafka_down"


async def test_readiness_needs_no_key_and_asks_nobody_whom_it_has_just_asked(standings, monkeypatch):
    first = await standings.parts()
    assert {first["kafka"], first["store"]} == {f"no answer within {A_WHILE_S:g} s"}

    async def asked_again():
        pytest.fail("the store is asked again")

    monkeypatch.setattr(standings._index, "ready", asked_again)
    assert await standings.parts() == first


@pytest.fixture
async def administrator(silent, tmp_path):
    """Asks as an administrator, where the store has nothing and Kafka says nothing."""
    path = tmp_path / "keys.json"
    key, text = keys.made(tenant="acme", principals=["group:a"], scopes=keys.SCOPES, now=NOW)
    keys.write(path, KeyFile(keys=(key,)))
    settings = Settings(
        api_keys_file=path, kafka_bootstrap_servers=silent, store="sqlite", sqlite_path=tmp_path / "index.db"
    )
    async with parts(settings, unobserved) as made:
        headers = {"Authorization": f"Bearer {text}", "X-API-Version": "1"}
        transport = httpx.ASGITransport(application(made))
        async with httpx.AsyncClient(
            transport=transport, base_url="http://gateway", headers=headers
        ) as client:
            yield client


@pytest.mark.parametrize("path", ["/v1/history/a", "/v1/dead/documents.dead-0-0"])
async def test_what_kafka_does_not_tell_in_time_is_not_said_to_be_absent(administrator, monkeypatch, path):
    for module in (history, operations):
        monkeypatch.setattr(module, "LIMIT_S", A_MOMENT_S)
    said = await administrator.get(path)
    assert (said.status_code, said.json()["code"]) == (503, "not_read")
    assert "Retry-After" in said.headers


async def test_who_waits_for_an_answer_hears_of_a_cancelling_that_nobody_asked_for(monkeypatch):
    """aiokafka raises some of its own; the reading of the topic then ends without any failure."""
    waited_for = asyncio.Event()

    @asynccontextmanager
    async def tail(_connection, _topic):
        async def records():
            await waited_for.wait()
            raise asyncio.CancelledError
            yield

        yield records()

    monkeypatch.setattr(tailing, "tail", tail)
    inbox = Inbox(KafkaConnection("127.0.0.1:1"), "answers")
    async with inbox.mail("a-question") as mail:
        waited_for.set()
        async with asyncio.timeout(20):
            with pytest.raises(Retryable) as lost:
                await mail.next(Offset(topic="questions", partition=0, offset=0))
    assert lost.value.code == "kafka_down"
    await inbox.close()
