"""A reply topic that takes no writes: its questions keep nothing from others', whose topic does."""

import time

import pytest

from streams.answering.answerer import Answerer
from streams.answering.settings import Answering
from streams.kafka.connection import KafkaConnection
from tests.agents.test_answering_agent import Room, now, numbers
from tests.unit.answering.scripted import Index, Marks, Models, Script, Words, always, hit

SLOTS, STUCK = 2, 8
LIMIT_S = 60


@pytest.fixture
async def room(embedded_broker):
    async with Room(KafkaConnection(embedded_broker, embedded=True), f"stuck-{time.time_ns()}") as room:
        models = Models({"big": Script(("Reset it under ", "Security [1]."), first_s=0.05)})
        passages = [hit("Reset the password under Security.", name=name, tenant=name) for name in "ab"]
        room.answerer = Answerer(
            always(Index.of(*passages), Words()), models, Marks(), Answering("big", "big", slots=SLOTS), now,
            time.monotonic,
        )  # fmt: skip
        yield room


async def test_a_question_is_answered_beside_many_whose_reply_topic_takes_no_writes(room, monkeypatch):
    monkeypatch.setattr("streams.agents.outlet.STUCK_S", 1e9)
    room.produce.before[room.reply] = 10**9
    async with room.worker() as bench:
        for number in range(STUCK):
            reply_to = [("reply-to", room.reply.encode())]
            await room.ask(bench, "How do I reset it?", headers=reply_to, id=f"a-{number}", tenant="a")
        await bench.until(lambda: len(starts(room)) == STUCK, LIMIT_S)
        await room.ask(bench, "How do I reset it?", id="b", tenant="b", deadline_ms=30_000)
        await bench.until(lambda: any(map(ends, room.produce.sent)), LIMIT_S)
    events = await room.events()
    assert numbers(events)[-1][0] == "completed"
    assert events[-1].route == "primary"
    assert {event.question_id for event in events} == {"b"}


def ends(outgoing):
    """Whether a terminal event was sent."""
    return outgoing.topic.endswith(".answers") and b'"type":"answer.completed"' in outgoing.value


def starts(room):
    """Questions of which an attempt has begun."""
    return {
        out.key for out in room.produce.sent
        if out.topic == room.done and dict(out.headers)["done-state"] == b"started"
    }  # fmt: skip
