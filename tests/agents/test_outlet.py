"""When a reply topic is given up: not for an outage of Kafka, nor for its end."""

from __future__ import annotations

import pytest

from streams.agents.outlet import STUCK_S, Outlet
from streams.agents.pump.backoff import Backoff
from streams.errors import Rejected, Retryable
from streams.messages.records import Outgoing

REPLY = "replies.a"
TRY_S = 10.0
"""How long each try to write takes."""


class Kafka:
    """Takes what it is given from `leads_at` on, and answers from `answers_at` on, except between `away`.

    Time passes where something is written, only.
    """

    def __init__(self, *, answers_at=0.0, leads_at=0.0, away=(0.0, 0.0)):
        self.answers_at, self.leads_at, self.away = answers_at, leads_at, away
        self.passed, self.taken, self.code, self.there = 0.0, [], "no_leader", True
        self.outlet = Outlet(
            self.produce,
            self,
            answers="answers",
            backoff=Backoff(0.0, 0.0, lambda: 0.0),
            monotonic=lambda: self.passed,
        )

    async def produce(self, outgoing):
        self.passed += TRY_S
        if self.passed < self.leads_at:
            raise Retryable("no leader", code=self.code)
        self.taken.append(outgoing.topic)

    async def check(self, _topic):
        """Any topic is allowed."""

    async def exists(self, _topic):
        begin, end = self.away
        if self.passed < self.answers_at or begin <= self.passed < end:
            raise Retryable("Kafka is away", code="kafka_down")
        return self.there

    async def deliver(self, topic=REPLY):
        await self.outlet.deliver(Outgoing(topic, b"q", b"{}"))
        assert self.taken == [topic]


async def test_kafka_that_returns_just_as_it_is_asked_for_the_topic_has_the_answer_sent():
    outage = 10 * STUCK_S
    await Kafka(answers_at=outage, leads_at=outage + TRY_S).deliver()


async def test_a_leader_that_comes_some_tries_after_kafka_has_the_answer_sent():
    outage = 10 * STUCK_S
    await Kafka(answers_at=outage, leads_at=outage + STUCK_S).deliver()


async def test_each_outage_begins_the_time_anew():
    most = STUCK_S - 2 * TRY_S
    await Kafka(away=(most, most + TRY_S), leads_at=2 * most).deliver()


async def test_a_topic_that_takes_nothing_while_kafka_answers_is_refused_after_that_time():
    kafka = Kafka(leads_at=10 * STUCK_S)
    with pytest.raises(Rejected) as refused:
        await kafka.deliver()
    assert refused.value.code == "refused"
    assert kafka.passed == TRY_S + STUCK_S, "from the first failure on"


async def test_a_topic_that_is_gone_is_refused_at_once():
    kafka = Kafka(leads_at=10 * STUCK_S)
    kafka.code, kafka.there = "topic_missing", False
    with pytest.raises(Rejected):
        await kafka.deliver()
    assert kafka.passed == TRY_S


async def test_the_topic_of_all_answers_is_waited_for_however_long():
    await Kafka(leads_at=100 * STUCK_S).deliver("answers")


async def test_what_goes_to_a_reply_topic_has_a_way_of_its_own_and_holds_up_no_other():
    kafka, apart = Kafka(), []

    async def send(outgoing):
        apart.append(outgoing.topic)

    outlet = Outlet(kafka.produce, kafka, answers="answers", backoff=Backoff(0, 0, lambda: 0.0), apart=send)
    for topic in (REPLY, "answers"):
        await outlet.deliver(Outgoing(topic, b"q", b"{}"))
    assert (apart, kafka.taken) == ([REPLY], ["answers"])
