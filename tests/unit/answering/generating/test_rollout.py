"""Another model takes over step by step: by the question's id, and never at the cost of an answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.answering.generating.generate import Unfinished
from streams.answering.generating.rollout import Rollout
from streams.answering.generating.router import Router
from streams.answering.settings import Answering
from streams.errors import Retryable
from tests.unit.answering.scripted import Script
from tests.unit.answering.test_answerer import World

IDS = [f"q-{number}" for number in range(2000)]


@pytest.mark.parametrize("percent", [0, 10, 50, 100])
def test_it_takes_its_share(percent):
    taken = sum(Rollout("new", percent).takes(one) for one in IDS)
    assert taken / len(IDS) == pytest.approx(percent / 100, abs=0.03)


@given(st.text(max_size=50), st.floats(0, 100), st.floats(0, 100))
def test_who_is_in_at_a_small_share_is_in_at_a_larger_one(question_id, one, other):
    small, large = sorted((one, other))
    if Rollout("new", small).takes(question_id):
        assert Rollout("new", large).takes(question_id)


def new_model(**scripts):
    models = {"new": Script(("Reset it in the portal [1].",)), **scripts}
    return World(models=models, rollout=Rollout("new", 100))


def test_the_new_model_answers_in_the_first_ones_place_and_the_event_says_so():
    _, end = new_model().ask()
    assert (end["route"], end["model"], end["reason"]) == ("primary", "new", "rollout")


def test_a_new_model_that_fails_is_replaced_by_the_fallback_for_its_own_reason():
    _, end = new_model(new=Script(("Half",), end=Retryable("down"))).ask()
    assert (end["route"], end["model"], end["reason"]) == ("fallback", "small", "error")


@pytest.mark.parametrize("end", [Retryable("down"), "hang"])
def test_where_the_fallback_itself_is_rolled_out_and_fails_the_first_model_is_asked(end):
    world = World(models={"small": Script((), end=end)}, rollout=Rollout("small", 100))
    _, completed = world.ask()
    assert (completed["route"], completed["model"]) == ("fallback", "big")
    assert [request.model for request in world.models.requests] == ["small", "big"]


def test_a_new_model_that_keeps_failing_gives_its_questions_back_to_the_first_one():
    time = [0.0]
    settings = Answering("big", "small", circuit_failures=2, rollout=Rollout("new", 100))
    router = Router(settings.routing, monotonic=lambda: time[0])
    for _ in range(2):
        choice = router.first("q", left_s=30)
        assert choice.model == "new"
        router.failed(choice, Unfinished("error", "down"), waited_s=None)
    assert (router.first("q", left_s=30).model, router.first("q", left_s=30).reason) == ("big", None)
    time[0] += settings.circuit_open_s
    trial = router.first("q", left_s=30)
    assert trial.model == "new"
    router.succeeded(trial)
    assert router.first("q", left_s=30).model == "new"


def test_a_model_that_has_become_slow_is_not_asked_with_less_left_than_it_takes():
    router = Router(Answering("big", "small").routing, monotonic=lambda: 0.0)
    for _ in range(10):
        router.began(router.first("q", left_s=30), 8.0)
    assert router.first("q", left_s=9).model == "big"
    assert (router.first("q", left_s=7).model, router.first("q", left_s=7).reason) == ("small", "deadline")
