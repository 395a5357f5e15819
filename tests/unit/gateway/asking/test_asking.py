"""What was said of a question is looked for, but not for ever."""

import asyncio

import pytest

from streams.errors import Retryable
from streams.gateway.asking.asking import Asking, Sent
from streams.gateway.http.problems import problem_of
from streams.kafka.connection import KafkaConnection
from streams.kafka.produce import Producer
from streams.messages.records import Offset
from streams.sources import QuestionTopic, Source, Topics

LONG_MS = 3_600_000


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
