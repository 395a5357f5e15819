"""What a question topic carries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from streams.messages.changes import Scalar, Tenant
from streams.messages.headers import Headers
from streams.messages.records import Offset, Wire

MAX_QUESTION_CHARACTERS = 8000
DEFAULT_DEADLINE_MS = 30_000
DEFAULT_TOP_K = 5

Principal = Annotated[str, Field(min_length=1, max_length=256)]


class Turn(Wire):
    """An earlier message of the conversation."""

    role: Literal["user", "assistant"]
    content: Annotated[str, Field(max_length=32_000)]


class Question(Wire):
    """A question. Only `text` is required; `deadline_ms` counts from the record's timestamp."""

    text: Annotated[str, Field(min_length=1, max_length=MAX_QUESTION_CHARACTERS)]
    id: Annotated[str | None, Field(min_length=1, max_length=256)] = None
    tenant: Tenant | None = None
    principals: Annotated[list[Principal], Field(max_length=1000)] = []
    filters: Annotated[dict[str, Scalar], Field(max_length=20)] = {}
    history: Annotated[list[Turn], Field(max_length=100)] = []
    top_k: Annotated[int, Field(ge=1, le=20)] = DEFAULT_TOP_K
    deadline_ms: Annotated[int, Field(ge=100, le=600_000)] = DEFAULT_DEADLINE_MS
    stream: bool = True
    language: Annotated[str | None, Field(max_length=35)] = None
    after: Annotated[list[Offset], Field(max_length=1000)] = []
    allow_stale: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as its record asked it: `id` and `tenant` are settled here, whatever `question` leaves out.

    `at` and `timestamp` (milliseconds; the deadline counts from it) are Kafka's; `headers` are the
    record's own, in order.
    """

    question: Question
    id: str
    tenant: str
    at: Offset
    timestamp: int
    headers: Headers = ()
