"""What was said of a question is looked for, but not for ever."""

import pytest

from streams.errors import Retryable
from streams.gateway.asking.asking import Asking
from streams.gateway.asking.past import Sent
from streams.gateway.http.problems import problem_of
from streams.kafka.connection import KafkaConnection
from streams.kafka.produce import Producer
from streams.messages.records import Offset
from streams.sources import QuestionTopic, Source, Topics

LONG_MS = 3_600_000
TOPICS = Topics(sources=(Source("changes"),), questions=(QuestionTopic("questions"),))


async def test_what_was_said_of_a_question_is_read_for_so_long_and_no_longer(silent):
    connection = KafkaConnection(silent)
    asking = Asking(connection, TOPICS, "answers", Producer(connection, max_bytes=1000), find_s=0.05)
    sent = Sent("a-question", Offset(topic="questions", partition=0, offset=3), 0, LONG_MS)
    with pytest.raises(Retryable) as late:
        await asking.ended_at(sent, key_id="a-key")
    problem = problem_of(late.value)
    assert (problem.status_code, problem.code) == (503, "not_read")
    assert "follow it again" in problem.detail
    assert "Retry-After" in problem.headers
