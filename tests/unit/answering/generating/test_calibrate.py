import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.answering.generating.calibrate import ENOUGH, LEAST, MARGIN, MOST, Calibration

MODEL = "llama3"


def learnt(*ratios):
    calibration = Calibration()
    for ratio in ratios:
        calibration.counted(MODEL, estimated=10_000, tokens=round(10_000 * ratio))
    return calibration


def test_at_first_an_estimate_is_taken_as_it_is():
    assert Calibration().budget([MODEL], 7680, at_least=512) == 7680


def test_a_model_that_makes_fewer_tokens_is_given_more_once_that_is_sure():
    assert learnt(*[0.6] * (ENOUGH - 1)).budget([MODEL], 6600, at_least=512) == 6600
    assert learnt(*[0.6] * ENOUGH).budget([MODEL], 6600, at_least=512) == 10_000


def test_a_model_that_makes_more_tokens_is_given_less_at_once():
    assert learnt(1.25).budget([MODEL], 5500, at_least=512) == 4000


def test_of_several_models_that_may_be_asked_the_one_that_makes_most_counts():
    assert learnt(1.25).budget([MODEL, "other"], 5500, at_least=512) == 4000


def test_a_prompt_that_was_too_long_makes_the_next_ones_shorter_each_time():
    calibration, budgets = Calibration(), []
    for _ in range(3):
        calibration.refused(MODEL)
        budgets.append(calibration.budget([MODEL], 8000, at_least=512))
    assert budgets == sorted(set(budgets), reverse=True)
    assert budgets[0] < 8000 / 1.3


def test_a_count_that_leaves_out_what_the_server_remembered_says_nothing():
    assert learnt(*[0.05] * 20).ratio(MODEL) == 1.0


def test_what_was_long_ago_is_forgotten():
    assert learnt(2.0, *[0.6] * 64).ratio(MODEL) == pytest.approx(0.66)


@given(st.lists(st.floats(LEAST, MOST), min_size=ENOUGH, max_size=64), st.integers(600, 100_000))
def test_no_prompt_like_those_seen_exceeds_the_window(ratios, tokens):
    calibration = Calibration()
    for ratio in ratios:
        calibration.counted(MODEL, estimated=1_000_000, tokens=round(1_000_000 * ratio))
    budget = calibration.budget([MODEL], tokens, at_least=0)
    assert budget * max(ratios) <= tokens / MARGIN + 1
