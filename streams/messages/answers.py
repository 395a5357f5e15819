"""What an answer topic carries: the events of one question's answer, and the rules they keep."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from streams.messages.records import Offset, Wire

Route = Literal["primary", "fallback", "extract", "none"]
Reason = Literal["timeout", "error", "circuit_open", "deadline", "rollout", "no_evidence"]
ResetReason = Literal["timeout", "error", "circuit_open", "deadline", "worker_lost"]
FailureCode = Literal["deadline_exceeded", "stale_index", "invalid_question", "refused", "unavailable"]

QUOTE_CHARACTERS = 500


class Citation(Wire):
    """A passage that the answer was made from; `[n]` in the text points at it."""

    n: Annotated[int, Field(ge=1)]
    document_id: str
    title: str | None
    url: str | None
    quote: Annotated[str, Field(max_length=QUOTE_CHARACTERS)]
    position: str
    score: float
    cited: bool = False


class Usage(Wire):
    """Tokens that the model counted."""

    prompt_tokens: int = 0
    completion_tokens: int = 0


class Timings(Wire):
    """Where the time went, in milliseconds; null for a step that was not taken."""

    queued: float | None = None
    waited: float | None = None
    embedded: float | None = None
    retrieved: float | None = None
    first_token: float | None = None
    generated: float | None = None
    total: float | None = None


class _Event(Wire):
    tenant: str
    question_id: str
    question: str
    attempt: Annotated[int, Field(ge=1)]
    seq: Annotated[int, Field(ge=0)]
    at: datetime


class AnswerStarted(_Event):
    """Retrieval is done, the model is next."""

    type: Literal["answer.started"] = "answer.started"
    model: str | None
    route: Route
    citations: list[Citation]
    watermark: list[Offset]


class AnswerDelta(_Event):
    """The next piece of the answer."""

    type: Literal["answer.delta"] = "answer.delta"
    text: str


class AnswerReset(_Event):
    """Forget this question's text so far: a new attempt begins."""

    type: Literal["answer.reset"] = "answer.reset"
    reason: ResetReason
    model: str | None
    route: Route


class AnswerCompleted(_Event):
    """The whole answer; terminal. `sha256` is of `text` in UTF-8, in hexadecimal digits."""

    type: Literal["answer.completed"] = "answer.completed"
    text: str
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    citations: list[Citation]
    model: str | None
    route: Route
    reason: Reason | None
    abstained: bool
    grounded: Annotated[float, Field(ge=0, le=1)] | None
    stale: bool = False
    watermark: list[Offset]
    usage: Usage
    timings: Timings


class AnswerFailed(_Event):
    """There will be no answer; terminal. `retryable`: whether asking again may help."""

    type: Literal["answer.failed"] = "answer.failed"
    code: FailureCode
    message: str
    retryable: bool


AnswerEvent = Annotated[
    AnswerStarted | AnswerDelta | AnswerReset | AnswerCompleted | AnswerFailed, Field(discriminator="type")
]
Terminal = AnswerCompleted | AnswerFailed

answer_event: TypeAdapter[AnswerStarted | AnswerDelta | AnswerReset | AnswerCompleted | AnswerFailed] = TypeAdapter(
    AnswerEvent
)
"""Validates one event of any type: `answer_event.validate_json(value)`."""
