"""What an answer topic carries: the events of one question's answer, and the rules they keep."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from streams.messages.records import Offset, Wire

Route = Literal["primary", "fallback", "extract", "none"]
Reason = Literal[
    "timeout", "error", "circuit_open", "deadline", "rollout", "no_evidence", "ungrounded", "guarded"
]
ResetReason = Literal["timeout", "error", "circuit_open", "deadline", "worker_lost", "ungrounded", "guarded"]
FailureCode = Literal["deadline_exceeded", "stale_index", "invalid_question", "refused", "unavailable"]

QUOTE_CHARACTERS = 500


class Citation(Wire):
    """A passage that the answer was made from; `[n]` in the text points at it."""

    n: Annotated[int, Field(ge=1)]
    """The number that `[n]` in the text means."""
    document_id: str
    """The document's id."""
    title: str | None
    """The document's title."""
    url: str | None
    """The document's address."""
    quote: Annotated[str, Field(max_length=QUOTE_CHARACTERS)]
    """From the document, verbatim."""
    position: str
    """The document's position, as in its receipt."""
    score: float
    """How well it fits the question; comparable within one answer only."""
    cited: bool = False
    """Whether the text points at it; false in `answer.started`."""


class Usage(Wire):
    """Tokens that the model counted."""

    prompt_tokens: int = 0
    """Tokens of the prompt."""
    completion_tokens: int = 0
    """Tokens of the answer."""


class Timings(Wire):
    """Where the time went, in milliseconds; null for a step that was not taken."""

    queued: float | None = None
    """From the record to its processing."""
    waited: float | None = None
    """For the records named in `after`."""
    rewritten: float | None = None
    """A follow-up question was made to stand alone."""
    embedded: float | None = None
    """The question's embedding."""
    retrieved: float | None = None
    """The search and the check of what it found."""
    first_token: float | None = None
    """To the model's first token."""
    generated: float | None = None
    """From there to the model's last."""
    total: float | None = None
    """From the record to this event."""


class Guarded(Wire):
    """What the guard against injected instructions found, and did."""

    policy: Literal["flag", "drop", "refuse"]
    """What follows where a passage or a question reads like instructions to the model, with a score of 0.75
    or more: `drop` leaves such a passage out, `refuse` refuses to answer. From 0.5 on it is marked and no
    more, as with `flag`."""
    score: Annotated[float, Field(ge=0, le=1)]
    """How much the question, or the worst of the passages that were found, reads like that."""
    question_score: Annotated[float, Field(ge=0, le=1)] = 0.0
    """How much the question and its history do."""
    kinds: list[str] = []
    """What it is made of: `override`, `role`, `reveal`, `dictate`, `steer`, `markers`, `exfiltrate`,
    `hidden`, `encoded`."""
    passages_flagged: list[Annotated[int, Field(ge=1)]] = []
    """Numbers of the citations that are suspected and were used all the same."""
    passages_dropped: int = 0
    """Passages that were left out."""
    documents: list[str] = []
    """Ids of the documents that are suspected."""
    stopped: list[str] = []
    """Why a model's text was stopped: `canary`, `address`, `image`, `link`; one for each attempt."""


class _Event(Wire):
    tenant: str
    """Whose question it is."""
    question_id: str
    """The question's `id`, else its place."""
    question: str
    """Where the question stands: `TOPIC-PARTITION-OFFSET`."""
    attempt: Annotated[int, Field(ge=1)]
    """Goes up by one with each `answer.reset`."""
    seq: Annotated[int, Field(ge=0)]
    """Goes up by one with each event of an attempt."""
    at: datetime
    """When the event was made."""


class AnswerStarted(_Event):
    """Retrieval is done, the model is next."""

    type: Literal["answer.started"] = "answer.started"
    model: str | None
    """The model that writes; null where none does."""
    route: Route
    """`primary` model, `fallback` model, `extract`: passages quoted, or `none`: abstained."""
    citations: list[Citation]
    """What was retrieved, best first."""
    watermark: list[Offset]
    """Up to where the index had applied each source partition before the search."""


class AnswerDelta(_Event):
    """The next piece of the answer."""

    type: Literal["answer.delta"] = "answer.delta"
    text: str
    """To be appended."""


class AnswerReset(_Event):
    """Forget this question's text so far: a new attempt begins."""

    type: Literal["answer.reset"] = "answer.reset"
    reason: ResetReason
    """What ended the attempt before."""
    model: str | None
    """The model that writes; null where none does."""
    route: Route
    """`primary` model, `fallback` model, `extract`: passages quoted, or `none`: abstained."""


class AnswerCompleted(_Event):
    """The whole answer; terminal. `sha256` is of `text` in UTF-8, in hexadecimal digits."""

    type: Literal["answer.completed"] = "answer.completed"
    text: str
    """The attempt's deltas, in order, joined."""
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    """Of `text` in UTF-8, in hexadecimal digits."""
    citations: list[Citation]
    """What the answer was made from, best first."""
    model: str | None
    """The model that wrote it; null where none did."""
    route: Route
    """`primary` model, `fallback` model, `extract`: passages quoted, or `none`: abstained."""
    reason: Reason | None
    """Why the route is not `primary`; null where it is."""
    abstained: bool
    """The index holds no evidence for the question."""
    grounded: Annotated[float, Field(ge=0, le=1)] | None
    """Share of sentences that what they cite supports; null unless a model wrote the text."""
    truncated: bool = False
    """The model was not done when it had written as much as it may: the text may end in the middle."""
    stale: bool = False
    """The index had not dealt with everything in `after`."""
    by_words: bool = False
    """The index was searched by the question's words alone, as the embedding model did not answer in time."""
    outdated: list[Annotated[int, Field(ge=1)]] | None = []
    """Numbers of the citations whose passage was changed, deleted or revoked while the answer was made; null
    where that could not be told."""
    guard: Guarded | None = None
    """What the guard found; null for nothing."""
    watermark: list[Offset]
    """Up to where the index had applied each source partition before the search."""
    usage: Usage
    """What the model counted."""
    timings: Timings
    """Where the time went, in milliseconds."""


class AnswerFailed(_Event):
    """There will be no answer; terminal. `retryable`: whether asking again may help."""

    type: Literal["answer.failed"] = "answer.failed"
    code: FailureCode
    """What kind of failure."""
    message: str
    """What to do about it."""
    retryable: bool
    """Whether asking again may help."""
    guard: Guarded | None = None
    """What the guard found, where it refused the question; else null."""


AnswerEvent = Annotated[
    AnswerStarted | AnswerDelta | AnswerReset | AnswerCompleted | AnswerFailed, Field(discriminator="type")
]
Terminal = AnswerCompleted | AnswerFailed

answer_event: TypeAdapter[AnswerStarted | AnswerDelta | AnswerReset | AnswerCompleted | AnswerFailed] = (
    TypeAdapter(AnswerEvent)
)
"""Validates one event of any type: `answer_event.validate_json(value)`."""
