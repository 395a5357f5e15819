"""Whoever waits for an answer waits no longer than its key counts, and than what is read may take."""

import asyncio
from datetime import UTC, datetime

import pytest

from streams.errors import Retryable
from streams.gateway import keys
from streams.gateway.asking import Asking, Sent
from streams.gateway.keyring import Keyring
from streams.gateway.keys import KeyFile
from streams.gateway.problems import Problem, problem_of
from streams.gateway.questions import whole
from streams.gateway.waiting import while_it_stands
from streams.kafka.connection import KafkaConnection
from streams.kafka.produce import Producer
from streams.messages.records import Offset
from streams.sources import QuestionTopic, Source, Topics

NOW = datetime(2026, 11, 26, tzinfo=UTC)
LONG_MS = 3_600_000


@pytest.mark.parametrize("change", [{"revoked_at": NOW}, {"principals": ()}, None])
async def test_a_request_that_waits_ends_with_its_key(tmp_path, change):
    path = tmp_path / "keys.json"
    key, _ = keys.made(tenant="mine", principals=["group:a"], scopes=["ask"], now=NOW)
    keys.write(path, KeyFile(keys=(key,)))
    ring, waits, closed = Keyring(path, lambda _event: None), asyncio.Event(), []

    async def answer():
        try:
            waits.set()
            await asyncio.Event().wait()
            yield
        finally:
            closed.append(True)

    asked = asyncio.create_task(while_it_stands(whole(answer()), lambda: ring.stands(key), look_s=0.01))
    await waits.wait()
    keys.write(path, KeyFile(keys=() if change is None else (key.model_copy(update=change),)))
    ring.look()
    async with asyncio.timeout(20):
        with pytest.raises(Problem) as ended:
            await asked
    assert (ended.value.status_code, ended.value.code) == (401, "key_revoked")
    assert closed


async def test_an_answer_that_comes_in_time_is_given_and_one_for_a_key_that_is_gone_is_not():
    async def answer():
        return "here"

    assert await while_it_stands(answer(), lambda: True) == "here"
    with pytest.raises(Problem):
        await while_it_stands(answer(), lambda: False)


async def test_who_leaves_is_waited_for_no_more():
    waits, closed = asyncio.Event(), asyncio.Event()

    async def answer():
        try:
            waits.set()
            await asyncio.Event().wait()
        finally:
            closed.set()

    asked = asyncio.create_task(while_it_stands(answer(), lambda: True))
    await waits.wait()
    asked.cancel()
    async with asyncio.timeout(20):
        await closed.wait()


@pytest.fixture
async def asking():
    """Of a Kafka that takes connections and says nothing; nothing may take longer than a moment."""
    held = []

    async def silent(_reader, writer):
        held.append(writer)

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    connection = KafkaConnection(f"127.0.0.1:{server.sockets[0].getsockname()[1]}")
    topics = Topics(sources=(Source("changes"),), questions=(QuestionTopic("questions"),))
    asking = Asking(connection, topics, "answers", Producer(connection, max_bytes=1000), find_s=0.05)
    yield asking
    server.close()
    for writer in held:
        writer.close()


async def test_what_was_said_of_a_question_is_read_for_so_long_and_no_longer(asking):
    sent = Sent("a-question", Offset(topic="questions", partition=0, offset=3), 0, LONG_MS)
    with pytest.raises(Retryable) as late:
        await asking.ended_at(sent, key_id="a-key")
    problem = problem_of(late.value)
    assert (problem.status_code, problem.code) == (503, "not_read")
    assert "follow it again" in problem.detail
    assert "Retry-After" in problem.headers
