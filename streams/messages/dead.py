"""Dead letters: a record's bytes untouched, and headers that say why it died and where it stood."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from streams.errors import Rejected, StreamsError
from streams.messages import headers as names
from streams.messages.headers import Headers
from streams.messages.records import Offset, Outgoing, Record

MESSAGE_CHARACTERS = 500
PARTS_CHARACTERS = 4096
RECORD_OVERHEAD = 128
"""Bytes that Kafka adds to a record that travels alone: 61 for the batch, the rest for lengths."""

DEAD = frozenset({
    names.DEAD_CODE, names.DEAD_MESSAGE, names.DEAD_TOPIC, names.DEAD_PARTITION, names.DEAD_OFFSET,
    names.DEAD_TIMESTAMP, names.DEAD_ATTEMPTS, names.DEAD_AT, names.DEAD_FIRST_AT, names.DEAD_NULL,
    names.DEAD_PARTS, names.DEAD_TRUNCATED,
})  # fmt: skip
VALUE = "value"
EPOCH, LATEST_MS = datetime(1970, 1, 1, tzinfo=UTC), 253_000_000_000_000
"""From where Kafka's timestamps count, and one in the year 9987: later ones are no times."""

_PARTS = re.compile(r"\d{1,9}(-\d{1,9})?(,\d{1,9}(-\d{1,9})?)*", re.ASCII)


def dead_letter(
    record: Record,
    error: StreamsError,
    *,
    attempts: int,
    at: datetime,
    topic: str,
    max_bytes: int,
    sent_back: bool = False,
    parts: Sequence[int] = (),
) -> Outgoing:
    """What is produced to `topic` for a record that can't be processed.

    Dead headers that the record has already are replaced. `sent_back` says that the record was read
    from a retry topic, so that its headers tell where it first stood: those coordinates are kept where
    they are well-formed. Nowhere else are they believed: anybody may write headers to a change topic.
    `parts`: which of the record's changes were refused, where not all were.
    A record that would be larger than `max_bytes` becomes a pointer: headers only, `dead-truncated`
    holding the bytes of its key and value.
    """
    stood = _first_stood(record) if sent_back else record
    own = _without_dead(record.headers)
    value: bytes | None
    null: Headers
    cause = (
        *_cause(stood, error, attempts, at, _first_death(record, at) if sent_back else at),
        *_named(parts),
    )
    if record.key is None and stood.value is None:
        value, null = b"", ((names.DEAD_NULL, VALUE.encode()),)
    else:
        value, null = record.value, ()
    if size_of(record.key, value, own + cause + null) <= max_bytes:
        return Outgoing(topic, record.key, value, own + cause + null)
    cause += ((names.DEAD_TRUNCATED, str(record.size).encode()),)
    kept = own + cause if size_of(None, b"", own + cause) <= max_bytes else cause
    return Outgoing(topic, None, b"", kept)


def original(record: Record) -> Record:
    """A dead letter, or one that was sent back, seen as the record that it first was.

    Raises `Rejected` where its headers don't say so (`invalid_retry`), and where it is a pointer, so
    that there are no bytes to process (`truncated`).
    """
    if record.header(names.DEAD_TRUNCATED) is not None:
        raise Rejected(
            "a pointer to a record that was too large holds none of it: send the record itself again,"
            f" from {record.header(names.DEAD_TOPIC)}-{record.header(names.DEAD_PARTITION)}"
            f"-{record.header(names.DEAD_OFFSET)}",
            code="truncated",
        )
    return Record(
        topic=_topic(record),
        partition=_number(record, names.DEAD_PARTITION),
        offset=_number(record, names.DEAD_OFFSET),
        timestamp=_number(record, names.DEAD_TIMESTAMP),
        key=record.key,
        value=None if record.value == b"" and record.header(names.DEAD_NULL) == VALUE else record.value,
        headers=_without_dead(record.headers),
    )


def first_place(record: Record) -> Offset | None:
    """Where the record of a dead letter first stood; None where its headers don't say so."""
    try:
        return Offset(
            topic=_topic(record),
            partition=_number(record, names.DEAD_PARTITION),
            offset=_number(record, names.DEAD_OFFSET),
        )
    except Rejected:
        return None


def refused(record: Record) -> Iterator[range] | None:
    """Which of a dead letter's changes were refused, counted from 0; None: all, or nobody knows."""
    text = record.header(names.DEAD_PARTS)
    if text is None or not _PARTS.fullmatch(text):
        return None
    ends = [stretch.split("-") for stretch in text.split(",")]
    return (range(int(one[0]), int(one[-1]) + 1) for one in ends)


def _named(parts: Sequence[int]) -> Headers:
    """The header that names these parts; none where it would be too long to be of use."""
    stretches: list[tuple[int, int]] = []
    for part in parts:
        begins = stretches.pop()[0] if stretches and stretches[-1][1] == part - 1 else part
        stretches.append((begins, part))
    text = ",".join(str(first) if first == last else f"{first}-{last}" for first, last in stretches)
    return ((names.DEAD_PARTS, text.encode()),) if 0 < len(text) <= PARTS_CHARACTERS else ()


def died_first(record: Record) -> datetime:
    """When it was given up for the first time; of one that does not say so, when it was first written.

    Raises `Rejected` as `original` does.
    """
    milliseconds = _number(record, names.DEAD_TIMESTAMP)
    said = _moment(record.header(names.DEAD_FIRST_AT))
    return said or EPOCH + timedelta(milliseconds=min(milliseconds, LATEST_MS))


def replay(record: Record, *, topic: str, oldest: datetime | None = None) -> Outgoing:
    """What is produced to the retry topic `topic` to have a dead letter processed again.

    It keeps its dead headers: they say where it first stood. Raises `Rejected` as `original` does, and
    `too_old` where it died before `oldest`.
    """
    original(record)
    if oldest is not None:
        refuse_older(record, oldest)
    return Outgoing(topic, record.key, record.value, record.headers)


def refuse_older(record: Record, oldest: datetime) -> None:
    """Raises `Rejected` (`too_old`) for a dead letter that died before `oldest`."""
    if died_first(record) < oldest:
        raise Rejected(
            f"it died before {oldest:%Y-%m-%d}, and the index may have forgotten since that its document was"
            " deleted, and would show it again: if the document is still there in its source, send it from"
            " there once more",
            code="too_old",
        )


def size_of(key: bytes | None, value: bytes | None, headers: Headers) -> int:
    """Bytes of a record as the broker counts them against `max.message.bytes`, or a few more."""
    held = sum(len(name.encode()) + len(text or b"") + 10 for name, text in headers)
    return RECORD_OVERHEAD + len(key or b"") + len(value or b"") + held


def _first_stood(record: Record) -> Record:
    try:
        return original(record)
    except Rejected:
        return record


def _without_dead(headers: Headers) -> Headers:
    return tuple((name, value) for name, value in headers if name not in DEAD)


def _cause(stood: Record, error: StreamsError, attempts: int, at: datetime, first: datetime) -> Headers:
    message = " ".join(str(error).split())[:MESSAGE_CHARACTERS]
    texts = {
        names.DEAD_CODE: error.code,
        names.DEAD_MESSAGE: message,
        names.DEAD_TOPIC: stood.topic,
        names.DEAD_PARTITION: str(stood.partition),
        names.DEAD_OFFSET: str(stood.offset),
        names.DEAD_TIMESTAMP: str(stood.timestamp),
        names.DEAD_ATTEMPTS: str(attempts),
        names.DEAD_AT: at.isoformat(),
        names.DEAD_FIRST_AT: first.isoformat(),
    }
    return tuple((name, text.encode("utf-8", "replace")) for name, text in texts.items())


def _first_death(record: Record, at: datetime) -> datetime:
    """Of one that was sent back; `at` where it doesn't say where it first stood."""
    try:
        return died_first(record)
    except Rejected:
        return at


def _moment(text: str | None) -> datetime | None:
    """The time that a header says; None where it says none."""
    try:
        said = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return said if said.tzinfo is not None else None


def _topic(record: Record) -> str:
    topic = record.header(names.DEAD_TOPIC)
    if not topic or len(topic) > 249:  # noqa: PLR2004 - Kafka's limit on a topic's name
        raise _invalid(names.DEAD_TOPIC)
    return topic


def _number(record: Record, name: str) -> int:
    text = record.header(name) or ""
    if not (text.isascii() and text.isdecimal() and len(text) <= 19):  # noqa: PLR2004 - digits of 2**63
        raise _invalid(name)
    return int(text)


def _invalid(name: str) -> Rejected:
    return Rejected(
        f"a record on a retry topic needs the header {name}, as the dead letter has it: send dead letters"
        " back with `rag-streams dead replay`",
        code="invalid_retry",
    )
