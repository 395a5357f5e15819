"""The shadow answers on the side: the same prompt, nobody waits, and it gives way."""

import asyncio
import json
from contextlib import aclosing
from dataclasses import replace

import pytest

from streams.answering.answerer import Answerer
from streams.answering.settings import Answering
from streams.answering.shadow import ROOM, Shadow, Shadowing
from streams.answering.waiting.demand import Demand
from streams.errors import Retryable
from streams.evaluation.shadowed import abstains, compare
from tests.unit.answering.scripted import Index, Marks, Models, Script, Words, always, asked, hit
from tests.unit.answering.virtual import monotonic, now, run

RESET = hit("Open the portal, choose Security and reset your password there.")
LOOKUP_S = 0.005
TURN_S = 0.01
"""How often the stand-ins look how many share the models."""
CHOOSES = Script(("Choose Security [1].",))
LIVE = Script(("Reset your password under Security [1].",), first_s=1.0)


class Beside:
    """An answerer with a shadow, and what the shadow sent."""

    def __init__(
        self,
        shadow=CHOOSES,
        percent=100.0,
        *,
        slots=1,
        send=None,
        passages=(RESET,),
    ):
        self.models = Models({"big": LIVE, "candidate": shadow}, capacity=slots)
        self.sent, self.observed, self.took_s = [], [], []
        settings = Answering("big", "big", slots=slots)
        self.shadow = Shadow(
            self.models, Shadowing("candidate", percent), settings, send=send or self.send, now=now,
            monotonic=monotonic, observe=self.observed.append,
        )  # fmt: skip
        self.answerer = Answerer(
            always(Index.of(*passages), Words(faults=[LOOKUP_S] * 99)),
            self.models,
            Marks(),
            settings,
            now,
            monotonic,
            shadow=self.shadow,
        )

    async def send(self, completed):
        self.sent.append(completed)

    async def ask(self, number=0, headers=()):
        question = replace(asked(id=f"q-{number}", age_s=-monotonic()), headers=headers)
        began = monotonic()
        async with aclosing(self.answerer.answer(question)) as events:
            said = [json.loads(event.model_dump_json()) async for event in events]
        self.took_s.append(monotonic() - began)
        return said

    async def answers(self, count, *, apart_s=0.0, after_s=300.0, headers=()):
        running = asyncio.create_task(self.shadow.run(self.answerer.demand))
        began = monotonic()
        async with asyncio.TaskGroup() as group:
            for number in range(count):
                group.create_task(self.ask(number, headers))
                await asyncio.sleep(apart_s)
        self.live_s = monotonic() - began
        await asyncio.sleep(after_s)
        running.cancel()
        return self

    @property
    def outcomes(self):
        return [event.labels["outcome"] for event in self.observed]


def test_a_shadow_answers_from_the_same_prompt_and_says_who_it_is():
    beside = run(Beside().answers(1))
    live, shadow = beside.models.requests
    assert live.messages == shadow.messages
    (completed,) = beside.sent
    assert (completed.model, completed.text) == ("candidate", "Choose Security [1].")
    assert completed.question_id == "q-0"
    assert completed.citations[0].cited
    assert completed.grounded == 1.0


def test_a_question_whose_answer_goes_to_a_topic_of_its_own_is_not_answered_by_a_shadow():
    private = run(Beside().answers(3, headers=(("reply-to", b"replies.acme"),)))
    assert (private.sent, private.outcomes, len(private.took_s)) == ([], [], 3)
    assert len(run(Beside().answers(3, headers=(("reply-to", None),))).sent) == 3


def test_a_share_of_nothing_is_nothing():
    assert run(Beside(percent=0.0).answers(5)).sent == []


@pytest.mark.parametrize("first_s", [20.0, 0.1])
@pytest.mark.parametrize("apart_s", [0.5, 3.0])
def test_live_answers_take_as_long_as_without_a_shadow_and_the_shadow_comes_after_them(first_s, apart_s):
    slow = Script(("Choose ",) * 50, first_s=first_s, pause_s=1.0)
    with_shadow = run(Beside(slow).answers(6, apart_s=apart_s))
    without = run(Beside(slow, percent=0.0).answers(6, apart_s=apart_s))
    for beside, alone in zip(with_shadow.took_s, without.took_s, strict=True):
        assert beside <= alone + TURN_S
    assert len(with_shadow.sent) + with_shadow.outcomes.count("gave_way") <= 6
    assert with_shadow.sent


def test_a_shadow_whose_model_only_loads_gives_way_too():
    loading = Script(("Choose Security [1].",), first_s=60.0)
    beside = run(Beside(loading).answers(2, apart_s=10.0))
    assert beside.outcomes == ["gave_way", "answered"]
    assert beside.models.running == 0


def test_a_shadow_that_runs_gives_way_to_a_question_that_comes():
    slow = Script(("Choose ",) * 50, first_s=1.0, pause_s=1.0)
    beside = run(Beside(slow).answers(2, apart_s=10.0))
    assert beside.outcomes == ["gave_way", "answered"]


def test_what_it_cannot_keep_up_with_is_dropped():
    stuck = Script(end="hang", first_s=1e5)
    beside = run(Beside(stuck, slots=2).answers(ROOM + 10, apart_s=0.5, after_s=0))
    assert beside.outcomes.count("dropped") >= 5


def test_a_shadow_stops_before_the_question_that_comes_asks_its_model():
    async def both():
        beside = Beside(Script(("Choose ",) * 50, first_s=1.0, pause_s=1.0), slots=4)
        running = asyncio.create_task(beside.shadow.run(beside.answerer.demand))
        await beside.ask(1)
        await asyncio.sleep(5)
        assert beside.models.running == 1
        asking = asyncio.create_task(beside.ask(2))
        await asyncio.sleep(LOOKUP_S / 2)
        assert (beside.models.running, beside.outcomes) == (0, ["gave_way"]), "there would be room for both"
        assert len(beside.models.requests) == 2
        running.cancel()
        await asking

    run(both())


def test_the_shadow_is_asked_what_the_live_answer_abstained_from_where_passages_were_found():
    tulips = hit("Tulip bulbs are planted in autumn.", similarity=0.1)
    declines = Script(("The documents do not say how to reset a password.",))
    beside = run(Beside(declines, passages=(tulips,)).answers(1))
    (completed,) = beside.sent
    assert (completed.grounded, [citation.cited for citation in completed.citations]) == (0.0, [False])
    assert abstains(completed)
    assert run(Beside(declines, passages=()).answers(1)).sent == []


def test_what_had_to_wait_for_long_is_dropped_as_its_documents_may_be_gone():
    async def busy_until(end_s):
        beside, demand = Beside(), Demand()
        await beside.ask()
        running = asyncio.create_task(beside.shadow.run(demand))
        with demand.one():
            await asyncio.sleep(end_s)
        await asyncio.sleep(60)
        running.cancel()
        return beside.outcomes

    assert run(busy_until(100)) == ["answered"]
    assert run(busy_until(200)) == ["dropped"]


def test_a_shadow_that_fails_costs_nobody_anything_and_goes_on():
    assert run(Beside(Script(end=Retryable("down"))).answers(3)).outcomes == ["unfinished"] * 3

    async def refused(_completed):
        raise Retryable("Kafka is away")

    assert run(Beside(send=refused).answers(2)).outcomes == ["failed"] * 2


def test_a_shadow_whose_answer_kafka_never_takes_costs_live_answers_nothing():
    async def hangs(_completed):
        await asyncio.sleep(1e6)

    hung = run(Beside(send=hangs).answers(ROOM + 10, apart_s=0.5, after_s=0))
    without = run(Beside(percent=0.0).answers(ROOM + 10, apart_s=0.5, after_s=0))
    assert round(hung.live_s, 6) == round(without.live_s, 6)
    assert hung.sent == []


def test_both_sides_are_compared_question_by_question():
    async def both():
        beside = await Beside(Script(("Reset your password under Security [1].",), first_s=0.5)).answers(3)
        live = [await beside.ask(number) for number in range(2)]
        return [events[-1] for events in live], beside.sent

    live, shadows = run(both())
    completed = type(shadows[0])
    sent = [completed.model_validate(event) for event in live]
    found = compare(zip(sent, shadows, strict=False))
    assert found.questions == 2
    assert (found.agreement, found.same_documents) == (1.0, 1.0)
    assert found.shadow.models == ("candidate",)
    assert found.shadow.first_token_p50 < found.live.first_token_p50


def test_without_any_pair_there_is_nothing_to_compare():
    found = compare([])
    assert (found.questions, found.agreement, found.live.grounded) == (0, None, None)
