"""What a question topic carries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from sys import getsizeof
from typing import Annotated, Literal

from pydantic import Field

from streams.messages.changes import Scalar, Tenant
from streams.messages.headers import Headers
from streams.messages.records import Offset, Wire

MAX_QUESTION_CHARACTERS = 8000
DEFAULT_DEADLINE_MS = 30_000
DEFAULT_TOP_K = 5
HISTORY_CHARACTERS = 128_000
"""Of a conversation's latest turns: more fits no prompt. Four of the longest turns do."""
OBJECT_BYTES = 1000
"""What a question, a turn, or a place in Kafka takes beside its text, or a little more."""

Principal = Annotated[str, Field(min_length=1, max_length=256)]


class Turn(Wire):
    """An earlier message of the conversation."""

    role: Literal["user", "assistant"]
    """Who said it."""
    content: Annotated[str, Field(max_length=32_000)]
    """What was said."""


class Question(Wire):
    """A question. Only `text` is required; `deadline_ms` counts from the record's timestamp."""

    text: Annotated[str, Field(min_length=1, max_length=MAX_QUESTION_CHARACTERS)]
    """The question."""
    id: Annotated[str | None, Field(min_length=1, max_length=256)] = None
    """Name of the question in its events. Absent: `TOPIC-PARTITION-OFFSET`."""
    tenant: Tenant | None = None
    """Whose documents are searched. Absent: the topic's, else the key's, else `default`."""
    principals: Annotated[list[Principal], Field(max_length=1000)] = []
    """Whom the asker speaks for; a document is found where its readers hold one of these, or `*`."""
    filters: Annotated[dict[str, Scalar], Field(max_length=20)] = {}
    """Values that a document's metadata must have, by name."""
    history: Annotated[list[Turn], Field(max_length=100)] = []
    """Earlier messages of the conversation, oldest first. The latest count, of 128,000 characters at most."""
    top_k: Annotated[int, Field(ge=1, le=20)] = DEFAULT_TOP_K
    """Passages that the answer may be made from."""
    deadline_ms: Annotated[int, Field(ge=100, le=600_000)] = DEFAULT_DEADLINE_MS
    """Milliseconds from the record's timestamp within which the answer must end."""
    stream: bool = True
    """Whether to send the answer piece by piece; false: only the terminal event."""
    language: Annotated[str | None, Field(max_length=35)] = None
    """BCP 47 tag of the language to answer in."""
    after: Annotated[list[Offset], Field(max_length=1000)] = []
    """Records that the index must have dealt with before the search."""
    allow_stale: bool = False
    """Answer also where that was not so by the deadline."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as its record asked it: `id` and `tenant` are settled here, whatever `question` leaves out.

    `at` and `timestamp` (milliseconds; the deadline counts from it) are Kafka's; `headers` are those
    of the record's own that are of use. `key` is its key, or a digest of it: questions of a tenant on a topic
    that have the same one are answered in their order.
    """

    question: Question
    id: str
    tenant: str
    at: Offset
    timestamp: int
    headers: Headers = ()
    key: bytes | None = None

    @property
    def size(self) -> int:
        """About how many bytes of memory it takes."""
        question = self.question
        texts = [question.text, *question.principals, *(turn.content for turn in question.history)]
        texts += [text for pair in question.filters.items() for text in map(str, pair)]
        objects = 1 + len(question.history) + len(question.after)
        headers = sum(len(value or b"") for _, value in self.headers)
        return OBJECT_BYTES * objects + sum(map(getsizeof, texts)) + headers


def latest(history: Sequence[Turn], characters: int = HISTORY_CHARACTERS) -> list[Turn]:
    """The last turns that have no more characters together, in order."""
    begin = len(history)
    while begin and (characters := characters - len(history[begin - 1].content)) >= 0:
        begin -= 1
    return list(history[begin:])
