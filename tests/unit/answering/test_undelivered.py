"""A topic that takes no events: the question is answered all the same, and keeps no place from others."""

import asyncio
import json
from contextlib import aclosing

import pytest

from streams.answering.answerer import Answerer
from streams.answering.settings import Answering
from tests.unit.answering.rules import check_stream
from tests.unit.answering.scripted import Index, Marks, Models, Script, Words, always, asked, hit
from tests.unit.answering.virtual import monotonic, now, run

SLOTS = 2
GOOD = Script(("Reset the password ", "under ", "Security [1]."), first_s=0.1, pause_s=0.1)
TALKS = Script(("word ",) * 400, first_s=0.1, pause_s=0.05)


class Stuck:
    """An answerer whose questions' events are taken up to the `takes`-th, and no further until `goes_on`."""

    def __init__(self, script, takes):
        self.models, self.takes, self.goes_on = Models({"big": script}), takes, asyncio.Event()
        passages = [hit("Reset the password under Security.", name=name, tenant=name) for name in "ab"]
        self.answerer = Answerer(
            always(Index.of(*passages), Words()), self.models, Marks(), Answering("big", "big", slots=SLOTS),
            now, monotonic,
        )  # fmt: skip

    async def ask(self, tenant, *, stuck, **fields):
        events = []
        question = asked("How do I reset the password?", tenant=tenant, age_s=-monotonic(), **fields)
        async with aclosing(self.answerer.answer(question)) as made:
            async for event in made:
                events.append(json.loads(event.model_dump_json()))
                if stuck and len(events) == self.takes:
                    await self.goes_on.wait()
        return events, monotonic()


@pytest.mark.parametrize("takes", [1, 2])
def test_questions_whose_events_nobody_takes_keep_no_slot_and_no_place_past_their_end(takes):
    async def both():
        stuck = Stuck(TALKS, takes)
        async with asyncio.TaskGroup() as group:
            hung = [group.create_task(stuck.ask("a", stuck=True, deadline_ms=1500)) for _ in range(8)]
            await asyncio.sleep(1.6)
            assert (stuck.answerer.generating, stuck.answerer.waiting) == (0, 0)
            assert stuck.models.running == 0
            stuck.models.scripts["big"] = GOOD
            events, at = await stuck.ask("b", stuck=False, deadline_ms=5000)
            stuck.goes_on.set()
        for one in hung:
            check_stream(one.result()[0])
        return check_stream(events), at

    end, at = run(both())
    assert end["route"] == "primary"
    assert at < 1.6 + 1


def test_what_waits_to_be_taken_is_no_more_than_the_answer_and_comes_in_order():
    async def late():
        stuck = Stuck(TALKS, 1)
        async with asyncio.TaskGroup() as group:
            hung = group.create_task(stuck.ask("a", stuck=True, deadline_ms=60_000))
            await asyncio.sleep(30)
            stuck.goes_on.set()
        return hung.result()[0]

    events = run(late())
    end = check_stream(events)
    assert [event["type"] for event in events] == ["answer.started", "answer.delta", "answer.completed"]
    assert events[1]["text"] == end["text"]
    assert end["usage"]["completion_tokens"] == 400
