"""More questions than can be answered: those that can't be fail at once, and no tenant starves another."""

import asyncio
import json
from contextlib import aclosing

import pytest

from streams.answering.answerer import Answerer
from streams.answering.retrieval.rewrite import MAX_TOKENS
from streams.answering.settings import Answering
from streams.answering.waiting.admission import MOST_WAITING_BYTES, WAITING_A_SLOT, at_once
from streams.messages.questions import HISTORY_CHARACTERS, Turn
from streams.messages.records import Offset
from tests.unit.answering.rules import check_stream
from tests.unit.answering.scripted import Index, Marks, Models, Script, Words, always, asked, hit
from tests.unit.answering.virtual import monotonic, now, run

SLOTS, REPLY_S = 2, 3.0
PASSAGES = {
    tenant: hit("Reset the password under Security.", name=tenant, tenant=tenant)
    for tenant in ("loud", "quiet")
}


class Busy:
    """An answerer with two slots and a slow model; how each question ended, and when."""

    def __init__(self):
        answers = Script(("Well, under ", "Security [1]."), first_s=REPLY_S)
        rewrites = Script(("How do I reset the portal password?",), first_s=0.4)
        self.models = Models({"big": answers, "small": rewrites})
        self.settings = Answering("big", "small", slots=SLOTS)
        index = Index.of(*PASSAGES.values())
        self.answerer = Answerer(always(index, Words()), self.models, Marks(), self.settings, now, monotonic)
        self.ended = []
        self.most = 0

    async def ask(self, tenant, *, text="How do I reset the password?", turn=at_once, **fields):
        events = []
        question = asked(text, tenant=tenant, age_s=-monotonic(), **fields)
        async with aclosing(self.answerer.answer(question, turn=turn)) as stream:
            async for event in stream:
                events.append(json.loads(event.model_dump_json()))
                self.most = max(self.most, self.models.running)
        self.ended.append((monotonic(), tenant, check_stream(events)))


def flood(count, *, deadline_ms, quiet_at_s=None):
    async def crowd():
        busy = Busy()
        async with asyncio.TaskGroup() as group:
            for _ in range(count):
                group.create_task(busy.ask("loud", deadline_ms=deadline_ms))
            if quiet_at_s is not None:
                await asyncio.sleep(quiet_at_s)
                group.create_task(busy.ask("quiet", deadline_ms=deadline_ms))
        return busy

    return run(crowd())


def test_what_can_be_answered_in_time_is_and_the_rest_is_told_at_once_to_ask_again():
    busy = flood(200, deadline_ms=30_000)
    answered = [end for _, _, end in busy.ended if end["type"] == "answer.completed"]
    failed = [(at, end) for at, _, end in busy.ended if end["type"] == "answer.failed"]
    assert len(answered) + len(failed) == 200
    assert len(answered) >= 0.8 * SLOTS * 30 / REPLY_S
    assert {(end["code"], end["retryable"]) for _, end in failed} == {("unavailable", True)}
    assert len([at for at, _ in failed if at < 1]) > 50
    # Some were let wait before it was known how long an answer takes.
    assert len([at for at, _ in failed if at < 10]) > 0.9 * len(failed)


def test_never_more_are_generated_at_a_time_than_there_are_slots():
    assert flood(40, deadline_ms=60_000).most == SLOTS


def test_slots_are_busy_while_there_is_something_to_do():
    busy = flood(20, deadline_ms=600_000)
    assert len(busy.ended) == 20
    assert max(at for at, _, _ in busy.ended) <= 20 / SLOTS * REPLY_S / 0.95


def test_a_tenant_with_one_question_does_not_wait_for_the_hundred_of_another():
    busy = flood(100, deadline_ms=600_000, quiet_at_s=1.0)
    (at,) = [at for at, tenant, _ in busy.ended if tenant == "quiet"]
    assert at <= 1.0 + 3 * REPLY_S


LONG = [Turn(role="user", content="x" * (HISTORY_CHARACTERS // 4))] * 4
NEVER_INDEXED = [Offset(topic="documents.changes", partition=0, offset=10**9)]


async def never():
    await asyncio.Event().wait()


@pytest.mark.parametrize("fields", [{}, {"after": NEVER_INDEXED}, {"turn": never}])
def test_a_tenant_whose_questions_are_long_keeps_no_other_out(fields):
    """Whatever they wait for: the line, the index, or those before them in their conversation."""

    async def crowd():
        busy, quiet = Busy(), {"history": LONG, "deadline_ms": 100_000}
        async with asyncio.TaskGroup() as group:
            loud = [
                group.create_task(busy.ask("loud", history=LONG, deadline_ms=600_000, **fields))
                for _ in range(SLOTS * WAITING_A_SLOT)
            ]
            await asyncio.sleep(1.0)
            refused = len(busy.ended)
            async with asyncio.timeout(5 * REPLY_S):
                await busy.ask("quiet", **quiet)
            for one in loud:
                one.cancel()
        return refused, busy.ended

    refused, ended = run(crowd())
    assert SLOTS * WAITING_A_SLOT - refused <= MOST_WAITING_BYTES / HISTORY_CHARACTERS + SLOTS + 2
    assert [end["type"] for _, tenant, end in ended if tenant == "quiet"] == ["answer.completed"]
    assert {
        (end["code"], end["retryable"]) for _, tenant, end in ended if end["type"] == "answer.failed"
    } == {("unavailable", True)}


def test_who_waits_for_its_turn_in_a_conversation_ends_at_its_deadline():
    async def asked_behind():
        busy = Busy()
        await busy.ask("loud", turn=never, deadline_ms=2_000)
        return busy.ended

    [(at, _, end)] = run(asked_behind())
    assert (end["code"], end["retryable"], 1 < at <= 2) == ("deadline_exceeded", True, True)


def test_rewritten_follow_ups_and_answers_are_no_more_at_a_time_than_have_a_place_inside():
    async def crowd():
        busy, talk = Busy(), [Turn(role="user", content="How do I reset the portal password?")]
        async with asyncio.TaskGroup() as group:
            for _ in range(40):
                group.create_task(busy.ask("loud", text="And for it?", history=talk, deadline_ms=600_000))
        return busy

    busy = run(crowd())
    rewritten = [one for one in busy.models.requests if one.max_tokens == MAX_TOKENS]
    assert (len(busy.ended), len(rewritten)) == (40, 40)
    assert SLOTS < busy.models.most <= SLOTS + busy.settings.ahead
