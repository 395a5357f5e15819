"""A question's events, numbered as the contract wants them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from streams.answering.generating.route import Choice
from streams.messages.answers import (
    AnswerCompleted,
    AnswerDelta,
    AnswerFailed,
    AnswerReset,
    AnswerStarted,
    Citation,
    FailureCode,
    Guarded,
    ResetReason,
    Timings,
    Usage,
)
from streams.messages.questions import Asked
from streams.messages.records import Offset
from streams.ports import Now


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the terminal event says beside the attempt's text."""

    choice: Choice
    citations: Sequence[Citation]
    watermark: Sequence[Offset]
    timings: Timings
    abstained: bool = False
    grounded: float | None = None
    truncated: bool = False
    stale: bool = False
    by_words: bool = False
    outdated: Sequence[int] | None = ()
    guard: Guarded | None = None
    usage: Usage = field(default_factory=Usage)


class Transcript:
    """Makes one question's events; keeps attempt, `seq` and the attempt's text.

    Where the question is not to be streamed, the terminal event has `seq` 0 and the caller drops the others.
    """

    def __init__(self, asked: Asked, *, attempt: int, resumed: bool, now: Now) -> None:
        self._asked = asked
        self._attempt = attempt
        self._resumed = resumed
        self._now = now
        self._seq = 0
        self._pieces: list[str] = []

    @property
    def text(self) -> str:
        """The attempt's deltas, joined."""
        return "".join(self._pieces)

    def opened(
        self, choice: Choice, citations: Sequence[Citation], watermark: Sequence[Offset]
    ) -> AnswerStarted | AnswerReset:
        """The first event: of a question, or of what goes on with it after its worker was lost."""
        if self._resumed or self._attempt > 1:
            return AnswerReset(**self._next(), reason="worker_lost", model=choice.model, route=choice.route)
        return AnswerStarted(
            **self._next(),
            model=choice.model,
            route=choice.route,
            citations=list(citations),
            watermark=list(watermark),
        )

    def reset(self, reason: ResetReason, choice: Choice) -> AnswerReset:
        """The first event of the next attempt: the text so far is void."""
        self._attempt, self._seq = self._attempt + 1, 0
        self._pieces.clear()
        return AnswerReset(**self._next(), reason=reason, model=choice.model, route=choice.route)

    def delta(self, text: str, after: AnswerDelta | None = None) -> AnswerDelta:
        """The next piece of the text; together with the piece before it, where that is in nobody's hands."""
        self._pieces.append(text)
        if after is not None:
            return after.model_copy(update={"text": after.text + text})
        return AnswerDelta(**self._next(), text=text)

    def completed(self, outcome: Outcome) -> AnswerCompleted:
        """The whole answer."""
        text = self.text
        return AnswerCompleted(
            **self._last(),
            text=text,
            sha256=hashlib.sha256(text.encode("utf-8")).hexdigest(),
            citations=list(outcome.citations),
            model=outcome.choice.model,
            route=outcome.choice.route,
            reason=outcome.choice.reason,
            abstained=outcome.abstained,
            grounded=outcome.grounded,
            truncated=outcome.truncated,
            stale=outcome.stale,
            by_words=outcome.by_words,
            outdated=None if outcome.outdated is None else list(outcome.outdated),
            guard=outcome.guard,
            watermark=list(outcome.watermark),
            usage=outcome.usage,
            timings=outcome.timings,
        )

    def failed(
        self, code: FailureCode, message: str, *, retryable: bool, guard: Guarded | None = None
    ) -> AnswerFailed:
        """There will be no answer."""
        return AnswerFailed(**self._last(), code=code, message=message, retryable=retryable, guard=guard)

    def _next(self) -> dict[str, object]:
        fields = self._fields(self._seq)
        self._seq += 1
        return fields

    def _last(self) -> dict[str, object]:
        return self._fields(self._seq if self._asked.question.stream else 0)

    def _fields(self, seq: int) -> dict[str, object]:
        return {
            "tenant": self._asked.tenant,
            "question_id": self._asked.id,
            "question": str(self._asked.at),
            "attempt": self._attempt,
            "seq": seq,
            "at": self._now(),
        }
