"""Dead letters on their topic: listed, shown, sent back."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime

from streams.errors import Rejected
from streams.kafka.connection import KafkaConnection
from streams.kafka.consume import fetch, stretch
from streams.messages import headers as names
from streams.messages.dead import replay as outgoing
from streams.messages.records import Offset, Outgoing, Record

Send = Callable[[Outgoing], Awaitable[Offset]]


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A dead letter: why it died and where it first stood, as its headers say it; None where they don't.

    `truncated`: it is a pointer, the record itself was too large. `died` is in ISO 8601.
    """

    at: Offset
    code: str | None
    message: str | None
    source: str | None
    attempts: str | None
    died: str | None
    truncated: bool
    record: Record


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of a dead letter that was to be sent back: where it stands now, or why it can't be."""

    letter: DeadLetter
    sent: Offset | None
    refused: Rejected | None = None


def letter_of(record: Record) -> DeadLetter:
    """A record of a dead letter topic, read."""
    where = [record.header(name) for name in (names.DEAD_TOPIC, names.DEAD_PARTITION, names.DEAD_OFFSET)]
    return DeadLetter(
        at=record.at,
        code=record.header(names.DEAD_CODE),
        message=record.header(names.DEAD_MESSAGE),
        source="-".join(part for part in where if part) if all(where) else None,
        attempts=record.header(names.DEAD_ATTEMPTS),
        died=record.header(names.DEAD_AT),
        truncated=record.header(names.DEAD_TRUNCATED) is not None,
        record=record,
    )


async def read(
    connection: KafkaConnection, topic: str, *, limit: int | None = None, code: str | None = None
) -> AsyncGenerator[DeadLetter, None]:
    """The dead letters that are there now, oldest first within each partition; only those of `code`."""
    found = 0
    async with aclosing(stretch(connection, topic)) as records:
        async for record in records:
            if limit is not None and found >= limit:
                return
            letter = letter_of(record)
            if code is None or letter.code == code:
                found += 1
                yield letter


async def show(connection: KafkaConnection, at: Offset) -> DeadLetter | None:
    """The dead letter that stands there; None where there is none (any more)."""
    record = await fetch(connection, at)
    return None if record is None else letter_of(record)


def place(text: str, topic: str) -> Offset:
    """The place that `TOPIC-PARTITION-OFFSET` names. Raises `Rejected` where it is none on `topic`."""
    try:
        at = Offset.parse(text)
    except ValueError:
        at = None
    if at is None or at.topic != topic:
        raise Rejected(f"a dead letter is named {topic}-PARTITION-OFFSET, not {text}", code="invalid_place")
    return at


async def replay(
    connection: KafkaConnection,
    letters: Sequence[Offset] | AsyncIterator[DeadLetter],
    *,
    send: Send,
    retry_topic: str,
    oldest: datetime | None = None,
) -> AsyncGenerator[Replayed, None]:
    """Sends dead letters back, those named or those read, and says of each what became of it.

    Raises `Rejected` (`absent`) where one that is named isn't there, before the next is sent.
    """
    async for letter in _named(connection, letters) if isinstance(letters, Sequence) else letters:
        yield await send_back(letter, send=send, retry_topic=retry_topic, oldest=oldest)


async def send_back(
    letter: DeadLetter, *, send: Send, retry_topic: str, oldest: datetime | None = None
) -> Replayed:
    """Sends one dead letter back, unless it died before `oldest`; what became of it."""
    try:
        back = outgoing(letter.record, topic=retry_topic, oldest=oldest)
        return Replayed(letter, await send(back))
    except Rejected as error:
        return Replayed(letter, None, error)


async def _named(connection: KafkaConnection, places: Sequence[Offset]) -> AsyncIterator[DeadLetter]:
    for at in places:
        letter = await show(connection, at)
        if letter is None:
            raise Rejected(f"there is no dead letter at {at}: see `rag-streams dead list`", code="absent")
        yield letter
