from __future__ import annotations

from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.stores import fusion
from streams.stores.fusion import depth, fuse

ARM = st.dictionaries(st.integers(0, 30), st.floats(-1, 1), max_size=20)
WORDS = st.dictionaries(st.integers(0, 30), st.floats(0.001, 50), max_size=20)
ALPHA = st.floats(0, 1)


@given(ARM, WORDS, ALPHA)
def test_everything_found_is_scored_between_0_and_1_best_first(near, worded, alpha):
    scores = fuse(near, worded, alpha=alpha)
    assert set(scores) == set(near) | set(worded)
    assert list(scores.values()) == sorted(scores.values(), reverse=True)
    assert all(0 <= score <= 1 + 1e-9 for score in scores.values())


@given(ARM, WORDS, ALPHA, st.floats(0.01, 1000))
def test_the_scale_of_the_word_scores_does_not_matter(near, worded, alpha, factor):
    scaled = fuse(near, {key: factor * score for key, score in worded.items()}, alpha=alpha)
    assert scaled == pytest.approx(fuse(near, worded, alpha=alpha))


@given(ARM, WORDS)
def test_alpha_0_is_words_alone_and_alpha_1_vectors_alone(near, worded):
    by_words = fuse(near, worded, alpha=0.0)
    assert all(by_words[key] == 0 for key in set(near) - set(worded))
    by_vector = fuse(near, worded, alpha=1.0)
    assert all(by_vector[key] == 0 for key in set(worded) - set(near))


@given(ARM, WORDS, ALPHA)
def test_what_is_better_in_both_arms_is_not_behind(near, worded, alpha):
    scores = fuse(near, worded, alpha=alpha)
    both = [key for key in near if key in worded]
    for one in both:
        for other in both:
            if near[one] >= near[other] and worded[one] >= worded[other]:
                assert scores[one] >= scores[other] - 1e-9


@given(ARM, WORDS, ALPHA)
def test_the_order_in_which_the_arms_come_changes_nothing(near, worded, alpha):
    turned = fuse(dict(reversed(near.items())), dict(reversed(worded.items())), alpha=alpha)
    assert list(turned.items()) == list(fuse(near, worded, alpha=alpha).items())


def test_an_arm_that_found_nothing_leaves_the_other_its_order():
    assert list(fuse({}, {"b": 1.0, "a": 2.0}, alpha=0.5)) == ["a", "b"]
    assert list(fuse({"b": 0.1, "a": 0.2}, {}, alpha=0.5)) == ["a", "b"]
    assert fuse({}, {}, alpha=0.5) == {}


@settings(max_examples=20)
@given(st.randoms(use_true_random=False), ALPHA)
def test_how_deep_the_arms_go_does_not_change_what_comes_first(random, alpha):
    """So that an evaluation, which looks deeper, sees what an answer is made from."""
    near, worded = (
        dict(zip(random.sample(range(300), 200), sorted(random.sample(range(1000), 200))[::-1], strict=True))
        for _ in range(2)
    )
    few, many = (
        fuse(
            {key: score / 1000 for key, score in islice(near.items(), deep)},
            {key: score + 1.0 for key, score in islice(worded.items(), deep)},
            alpha=alpha,
        )
        for deep in (fusion.ARM, 3 * fusion.ARM)
    )
    assert list(islice(many.items(), len(few))) == list(few.items())
    assert not any(list(many.values())[len(few) :])


def test_what_comes_after_those_keeps_its_order():
    scores = {key: 1 - key / 1000 for key in range(3 * fusion.ARM)}
    assert list(fuse(scores, {}, alpha=1.0)) == list(scores)
    assert list(fuse({}, scores, alpha=0.0)) == list(scores)


def test_an_arm_brings_more_than_is_asked_for():
    assert depth(1) >= 50
    assert depth(500) > 500
