"""What a record of a question topic, or of the retry topic, asks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from streams.errors import Rejected
from streams.messages.answers import AnswerFailed, FailureCode
from streams.messages.dead import original
from streams.messages.headers import Headers, of_use
from streams.messages.identity import Identity, identity
from streams.messages.questions import Asked
from streams.messages.records import Offset, Record
from streams.ports import Now

Decode = Callable[[Record], Asked]
"""The question of a record. Pure. Raises `Rejected`: `refused`, or anything else for an invalid one."""

Identify = Callable[[Record], Identity]
"""Id and tenant of a record that `Decode` rejects, as far as they can be read. Pure, never raises."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A question that is not answered, and why."""

    id: str
    tenant: str
    at: Offset
    timestamp: int
    headers: Headers
    code: FailureCode
    message: str


Item = Asked | Refused


@dataclass(frozen=True, slots=True)
class Asking:
    """Reads records; those of `retry_topic` as what they first were, asked anew."""

    decode: Decode
    retry_topic: str
    identify: Identify = identity

    def read(self, record: Record) -> Item:
        """What the record asks. Raises `Rejected` where it is no valid question."""
        stood = original(record) if record.topic == self.retry_topic else record
        try:
            asked = self.decode(stood)
        except Rejected as error:
            if error.code != "refused":
                raise
            return self._refused(record, stood, "refused", error)
        # A question that was sent back is a new one, but for its id.
        return replace(asked, at=record.at, timestamp=record.timestamp, headers=of_use(stood.headers))

    def invalid(self, record: Record, error: Rejected) -> Refused:
        """What `read` rejected, as far as it can be told."""
        stood = record
        if record.topic == self.retry_topic:
            try:
                stood = original(record)
            except Rejected:
                stood = record
        return self._refused(record, stood, "invalid_question", error)

    def _refused(self, record: Record, stood: Record, code: FailureCode, error: Rejected) -> Refused:
        who = self.identify(stood)
        headers = of_use(stood.headers)
        return Refused(who.id, who.tenant, record.at, record.timestamp, headers, code, str(error))


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there will be no answer; `retryable`: whether to ask again may help."""

    code: FailureCode
    message: str
    retryable: bool = False

    def event(self, item: Item, now: Now, *, attempt: int, seq: int = 0) -> AnswerFailed:
        """The question's terminal event."""
        return AnswerFailed(
            tenant=item.tenant,
            question_id=item.id,
            question=str(item.at),
            attempt=attempt,
            seq=seq,
            at=now(),
            code=self.code,
            message=self.message,
            retryable=self.retryable,
        )


UNAVAILABLE = Failure("unavailable", "answering failed; ask again", retryable=True)
LATE = Failure("deadline_exceeded", "the deadline came before there was an answer; ask again", retryable=True)
