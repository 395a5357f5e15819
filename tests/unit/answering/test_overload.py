"""More questions than can be answered: those that can't be fail at once, and no tenant starves another."""

import asyncio
import json
from contextlib import aclosing

from streams.answering.answerer import Answerer
from streams.answering.settings import Answering
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
        self.models = Models({"big": Script(("Well, under ", "Security [1]."), first_s=REPLY_S)})
        index = Index.of(*PASSAGES.values())
        self.answerer = Answerer(
            always(index, Words()), self.models, Marks(), Answering("big", "big", slots=SLOTS), now, monotonic
        )
        self.ended = []
        self.most = 0

    async def ask(self, tenant, **fields):
        events = []
        question = asked("How do I reset the password?", tenant=tenant, age_s=-monotonic(), **fields)
        async with aclosing(self.answerer.answer(question)) as stream:
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
