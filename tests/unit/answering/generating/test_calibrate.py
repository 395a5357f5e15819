import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.answering.found import Found
from streams.answering.generating.calibrate import (
    DEAREST,
    ENOUGH,
    FEWEST,
    LEAST,
    MARGIN,
    MOST,
    Calibration,
    languages,
)
from tests.unit.answering.scripted import head_of, hit

MODEL, EN, FR = "llama3", ("en",), ("fr",)
BOTH = ("en", "fr")


def learnt(*ratios, spoken=EN, whole=True, into=None):
    calibration = into or Calibration()
    for ratio in ratios:
        calibration.counted(MODEL, spoken, estimated=10_000, tokens=round(10_000 * ratio), whole=whole)
    return calibration


def budget(calibration, tokens, *models, spoken=EN):
    return calibration.budget(models or (MODEL,), spoken, tokens, at_least=512)


def test_at_first_an_estimate_is_taken_as_it_is():
    assert budget(Calibration(), 7680) == 7680


def test_a_model_that_makes_fewer_tokens_is_given_more_once_that_is_sure_but_not_as_much_as_for_prose():
    assert budget(learnt(*[0.6] * (ENOUGH - 1)), 6600) == 6600
    assert budget(learnt(*[0.75] * ENOUGH), 6600) == pytest.approx(8000, abs=1)
    assert budget(learnt(*[0.6] * ENOUGH), 6600) == 6600 / FEWEST


def test_what_was_learnt_in_one_language_is_not_believed_of_another():
    english = learnt(*[0.6] * ENOUGH)
    assert budget(english, 7680, spoken=FR) == budget(english, 7680, spoken=BOTH) == 7680
    assert budget(learnt(1.25), 7680, spoken=FR) == 7680


def test_after_english_prompts_one_in_french_fits_the_window():
    # What the tokenizers of Llama 3 make of an estimate: 1 / 1.7 in English, 1 / 1.2 in French.
    english = learnt(*[1 / 1.7] * 64)
    for spoken, ratio in ((EN, 1 / 1.7), (FR, 1 / 1.2), (BOTH, 1 / 1.2)):
        assert budget(english, 7680, spoken=spoken) * ratio <= 7680


def test_prompts_of_several_languages_or_with_turns_left_out_teach_no_fewer_tokens():
    assert budget(learnt(*[0.6] * 64, spoken=BOTH), 7680) == 7680
    assert budget(learnt(*[0.6] * 64, whole=False), 7680) == 7680
    assert budget(learnt(1.25, spoken=BOTH), 5500) == budget(learnt(1.25, whole=False), 5500) == 4000


def test_a_model_that_makes_more_tokens_is_given_less_at_once():
    assert budget(learnt(1.25), 5500) == 4000


def test_of_several_models_that_may_be_asked_the_one_that_makes_most_counts():
    assert budget(learnt(1.25), 5500, MODEL, "other") == 4000


def test_a_prompt_that_was_too_long_makes_the_next_ones_shorter_in_its_language_alone_and_not_without_end():
    calibration, budgets = Calibration(), [8000]
    for _ in range(40):
        calibration.refused(MODEL, FR, estimated=budgets[-1], window=8192)
        budgets.append(budget(calibration, 7680, spoken=FR))
    assert budgets == sorted(budgets, reverse=True)
    assert budgets[1] * 8192 / 8000 < 7680
    assert budgets[-1] == 7680 / DEAREST
    assert budget(calibration, 7680) == 7680
    assert budget(learnt(*[0.9] * 64, spoken=FR, into=calibration), 7680, spoken=FR) > 7680


def test_a_count_that_leaves_out_what_the_server_remembered_says_nothing():
    assert learnt(*[0.05] * 20).ratio(MODEL, EN) == 1.0


def test_what_was_long_ago_is_forgotten():
    assert learnt(2.0, *[0.8] * 64).ratio(MODEL, EN) == pytest.approx(0.88)


def test_languages_are_those_of_the_question_and_of_each_passage_declared_or_not():
    def found(text, language=None):
        one = hit(text)
        return Found(one, head_of(one, language=language))

    passages = [
        found("The portal is where the password is reset."),
        found("0101 1100 0111"),
        found("x", "de"),
    ]
    assert languages("Où est-ce que je change le mot de passe de la boîte ?", passages) == {
        "fr",
        "en",
        "",
        "de",
    }


@given(st.lists(st.floats(LEAST, DEAREST / MARGIN), min_size=ENOUGH, max_size=64), st.integers(600, 100_000))
def test_no_prompt_like_those_seen_exceeds_the_window(ratios, tokens):
    calibration = Calibration()
    for ratio in ratios:
        calibration.counted(MODEL, EN, estimated=1_000_000, tokens=round(1_000_000 * ratio))
    given = calibration.budget([MODEL], EN, tokens, at_least=0)
    assert given * max(ratios) <= tokens / MARGIN + 1


def test_a_count_beyond_all_reason_is_none():
    assert learnt(MOST + 1).ratio(MODEL, EN) == 1.0
