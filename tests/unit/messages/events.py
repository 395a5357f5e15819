"""Events of one answer."""

import hashlib
from datetime import UTC, datetime

from streams.messages.answers import (
    AnswerCompleted,
    AnswerDelta,
    AnswerFailed,
    AnswerReset,
    AnswerStarted,
    Timings,
    Usage,
)


def envelope(attempt, seq):
    return {
        "tenant": "acme", "question_id": "q", "question": "questions-0-1", "attempt": attempt, "seq": seq,
        "at": datetime(2026, 11, 22, tzinfo=UTC),
    }  # fmt: skip


def started():
    return AnswerStarted(**envelope(1, 0), model="m", route="primary", citations=[], watermark=[])


def delta(attempt, seq, text):
    return AnswerDelta(**envelope(attempt, seq), text=text)


def reset(attempt):
    return AnswerReset(**envelope(attempt, 0), reason="timeout", model="m", route="fallback")


def completed(attempt, seq, text):
    return AnswerCompleted(
        **envelope(attempt, seq), text=text, sha256=hashlib.sha256(text.encode()).hexdigest(), citations=[],
        model="m", route="primary", reason=None, abstained=False, grounded=None, watermark=[], usage=Usage(),
        timings=Timings(),
    )  # fmt: skip


def failed(*, retryable):
    return AnswerFailed(**envelope(1, 0), code="stale_index", message="not there yet", retryable=retryable)
