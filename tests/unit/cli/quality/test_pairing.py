"""Answers of two sides are paired by question, however many there are."""

import tracemalloc
from datetime import UTC, datetime

import pytest

from streams.cli.quality.pairing import pairing
from streams.evaluation.shadowed import compare
from streams.messages.answers import AnswerCompleted, AnswerFailed, Timings, Usage

MANY, LONG = 400, "Reset it under" + " " * 40_000 + "Security."
"""So many answers of 40 kB on each side: 32 MB where they are held."""


def answer(number, text="Choose Security.", model="big", *, first_ms=100.0, **fields):
    return AnswerCompleted(
        **{
            "tenant": "default", "question_id": f"q-{number}", "question": f"questions-0-{number}",
            "attempt": 1, "seq": 1, "at": datetime(2026, 1, 1, tzinfo=UTC), "text": text,
            "sha256": "0" * 64, "citations": [], "model": model, "route": "primary", "reason": None,
            "abstained": False, "grounded": 1.0, "watermark": [], "usage": Usage(completion_tokens=10),
            "timings": Timings(first_token=first_ms),
        } | fields
    )  # fmt: skip


def failed(number):
    return AnswerFailed(
        tenant="default", question_id=f"q-{number}", question=f"questions-0-{number}", attempt=1, seq=1,
        at=datetime(2026, 1, 1, tzinfo=UTC), code="unavailable", message="Ask again.", retryable=True,
    )  # fmt: skip


def test_of_several_ends_of_a_question_the_first_counts_and_what_has_no_other_is_counted():
    with pairing() as pairs:
        for number, text in ((1, "Old."), (1, "Choose Security."), (2, "Alone.")):
            pairs.shadow(answer(number, text, "candidate"))
        pairs.shadow(answer(4, "No end but a failure was sent.", "candidate"))
        pairs.live(failed(4))
        for number, text in (
            (3, "Not asked of the shadow."),
            (1, "Choose Security."),
            (1, "Later."),
            (4, "Late."),
        ):
            pairs.live(answer(number, text))
        found = compare(pairs, pairs.unmatched)
    assert (found.questions, found.unmatched, found.agreement) == (1, 2, 1.0)
    assert (found.live.models, found.shadow.models) == (("big",), ("candidate",))


def test_who_abstains_is_counted_and_weighs_on_nothing_else():
    none = {"route": "none", "reason": "no_evidence", "abstained": True, "grounded": None, "usage": Usage()}
    declines = {"grounded": 0.0, "text": "The documents do not say."}
    found = compare(
        [
            (answer(1), answer(1, model="candidate")),
            (answer(2, "Nothing found.", None, **none), answer(2, **declines)),
            (answer(3), answer(3, **declines)),
        ]
    )
    assert (found.questions, found.agreement) == (3, 1.0)
    assert (found.live.abstained, found.shadow.abstained) == (pytest.approx(1 / 3), pytest.approx(2 / 3))
    assert found.abstained_alike == pytest.approx(2 / 3)
    assert (found.live.fallback, found.live.completion_tokens) == (0.0, 10)


def test_many_long_answers_take_no_more_memory_than_a_few():
    tracemalloc.start()
    try:
        with pairing() as pairs:
            for number in range(MANY):
                pairs.shadow(answer(number, LONG, "candidate", first_ms=float(number)))
            for number in range(MANY):
                pairs.live(answer(number, LONG, first_ms=2.0 * number))
            found = compare(pairs, pairs.unmatched)
        _now, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (found.questions, found.live.first_token_p50) == (MANY, 2 * found.shadow.first_token_p50)
    assert most < 4_000_000
