"""What waits for a reader: whatever has arrived is given, however late it is asked for."""

import asyncio
import time
from datetime import UTC, datetime

import pytest

from streams.client.inbox import Mail
from streams.errors import Retryable
from streams.messages.answers import AnswerDelta
from streams.messages.records import Offset

AT = Offset(topic="questions", partition=0, offset=1)
FOR_EVER_S = 60.0


def delta(text, offset=1):
    return AnswerDelta(
        tenant="acme", question_id="q", question=f"questions-0-{offset}", attempt=1, seq=1,
        at=datetime(2026, 11, 22, tzinfo=UTC), text=text,
    )  # fmt: skip


def now():
    return asyncio.get_running_loop().time()


async def test_what_has_arrived_is_given_to_a_reader_who_comes_after_the_time_was_over():
    mail = Mail()
    for text in ("a", "b"):
        mail.put(delta(text))
    over = now() - FOR_EVER_S
    assert [(await mail.by(over, AT, look_s=0.0)).text for _ in range(2)] == ["a", "b"]


async def test_what_came_for_another_question_of_that_id_is_passed_over():
    mail = Mail()
    mail.put(delta("another's", offset=2))
    mail.put(delta("its own"))
    assert (await mail.by(now() - FOR_EVER_S, AT, look_s=0.0)).text == "its own"


async def test_what_comes_while_it_is_waited_for_is_given():
    mail = Mail()
    asyncio.get_running_loop().call_soon(mail.put, delta("a"))
    assert (await mail.by(now() + FOR_EVER_S, AT, look_s=0.0)).text == "a"


async def test_where_nothing_comes_in_time_that_is_said():
    with pytest.raises(TimeoutError):
        await Mail().by(now(), AT, look_s=0.01)


async def test_what_ended_the_reading_is_raised():
    mail = Mail()
    mail.put(Retryable("Kafka is gone"))
    with pytest.raises(Retryable, match="gone"):
        await mail.by(now() - FOR_EVER_S, AT, look_s=0.0)


async def test_a_program_that_kept_the_loop_past_the_time_gets_what_kafka_has_by_then():
    mail, loop = Mail(), asyncio.get_running_loop()

    async def deliver():
        """As a reader of Kafka, which needs a few turns of the loop for what came meanwhile."""
        for _ in range(5):
            await asyncio.sleep(0)
        mail.put(delta("late"))

    until = now() + 0.05
    waiting = asyncio.create_task(mail.by(until, AT, look_s=FOR_EVER_S))
    await asyncio.sleep(0)
    while loop.time() <= until:
        time.sleep(0.01)  # noqa: ASYNC251 - the loop is kept on purpose
    delivering = asyncio.create_task(deliver())
    assert (await waiting).text == "late"
    await delivering
