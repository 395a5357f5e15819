"""Answers of two sides are paired by question, however many there are."""

import tracemalloc
from datetime import UTC, datetime

from streams.cli.pairing import pairing
from streams.evaluation.shadowed import compare
from streams.messages.answers import AnswerCompleted, Timings, Usage

MANY, LONG = 400, "Reset it under" + " " * 40_000 + "Security."
"""So many answers of 40 kB on each side: 32 MB where they are held."""


def answer(number, text="Choose Security.", model="big", *, first_ms=100.0):
    return AnswerCompleted(
        tenant="default", question_id=f"q-{number}", question=f"questions-0-{number}", attempt=1, seq=1,
        at=datetime(2026, 1, 1, tzinfo=UTC), text=text, sha256="0" * 64, citations=[], model=model,
        route="primary", reason=None, abstained=False, grounded=1.0, watermark=[], usage=Usage(),
        timings=Timings(first_token=first_ms),
    )  # fmt: skip


def test_of_several_answers_to_a_question_the_last_counts_and_what_has_no_other_is_counted():
    with pairing() as pairs:
        for number, text in ((1, "Old."), (1, "Choose Security."), (2, "Alone.")):
            pairs.shadow(answer(number, text, "candidate"))
        for number, text in ((3, "Not asked of the shadow."), (1, "Older."), (1, "Choose Security.")):
            pairs.live(answer(number, text))
        found = compare(pairs, pairs.unmatched)
    assert (found.questions, found.unmatched, found.agreement) == (1, 1, 1.0)
    assert (found.live.models, found.shadow.models) == (("big",), ("candidate",))


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
