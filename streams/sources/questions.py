"""What a record of a question topic asks: plain text, or a `Question`."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from streams.errors import Rejected
from streams.messages.decode import OnUnknown, decode_json, read
from streams.messages.headers import of_use
from streams.messages.identity import Identity, identity
from streams.messages.questions import Asked, Question, latest
from streams.messages.records import Record
from streams.sources.tenancy import key_of, tenant_of
from streams.sources.topics import QuestionTopic

MAX_BYTES = 2 * 1024 * 1024
"""Of a question's record. What one request over HTTP may hold stays well below this."""
KEY_BYTES = 64
"""A longer key is told from others by its digest."""

_BEFORE_JSON = " \t\r\n\ufeff"


def decode_question(
    topic: QuestionTopic, record: Record, *, max_bytes: int = MAX_BYTES, on_unknown: OnUnknown | None = None
) -> Asked:
    """The question that `record`, a record of `topic`, asks.

    A value that begins with `{` or `[`, whatever spaces are before, is JSON and must be a valid
    `Question`; any other is the question's text. Raises `Rejected`: `refused` where it names another
    tenant than the topic is bound to, else `invalid_question`.
    """
    question = _question(record, max_bytes, on_unknown)
    return Asked(
        question=question.model_copy(update={"history": latest(question.history)}),
        id=question.id or str(record.at),
        tenant=tenant_of(bound=topic.tenant, named=question.tenant, key=key_of(record.key)),
        at=record.at,
        timestamp=record.timestamp,
        headers=of_use(record.headers),
        key=_short(record.key),
    )


def identify(topic: QuestionTopic, record: Record) -> Identity:
    """Id and tenant of a record that `decode_question` rejects, as far as they can be read; never raises.

    What a bound topic carries is its tenant's, whatever the record names.
    """
    said = identity(record)
    return said._replace(tenant=topic.tenant) if topic.tenant else said


def _question(record: Record, max_bytes: int, on_unknown: OnUnknown | None) -> Question:
    if record.value is None:
        raise _invalid("the value is null; write the question's text, or a Question as JSON")
    if record.size > max_bytes:
        raise _invalid(f"the record has {record.size} bytes, more than the {max_bytes} that are read")
    try:
        data = _data(record.value)
    except Rejected as error:
        raise _invalid(str(error)) from None
    question = read(Question, data, code="invalid_question", on_unknown=on_unknown)
    if not question.text.strip():
        raise _invalid("text: there is nothing but spaces")
    return question


def _short(key: bytes | None) -> bytes | None:
    return sha256(key).digest() if key and len(key) > KEY_BYTES else key or None


def _data(value: bytes) -> Any:
    try:
        text = value.decode()
    except UnicodeDecodeError as error:
        raise _invalid(f"not UTF-8: the byte at {error.start} begins no character") from None
    if text.lstrip(_BEFORE_JSON).startswith(("{", "[")):
        return decode_json(value)
    return {"text": text.removeprefix("\ufeff")}


def _invalid(message: str) -> Rejected:
    return Rejected(message, code="invalid_question")
