"""Dead letters of one tenant: only those that are known to be its own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel

from streams.errors import Rejected
from streams.kafka.dead import DeadLetter
from streams.messages import headers
from streams.messages.dead import died_first
from streams.messages.records import Record
from streams.sources import Topics

Kind = Literal["documents", "questions"]
SHOWN_CHARACTERS = 100_000


class Letter(BaseModel):
    """A dead letter: why it died, and where it first stood."""

    at: str
    kind: Kind
    code: str | None
    message: str | None
    source: str | None
    attempts: int | None
    died: str | None
    truncated: bool
    document_id: str | None
    replayable: bool


class WholeLetter(Letter):
    """A dead letter with its record."""

    key: str | None
    value: str | None
    headers: dict[str, str]


def owner(kind: Kind, record: Record, topics: Topics) -> str | None:
    """Whose dead letter it is; None where that is not known for certain.

    A topic that is bound to a tenant holds that tenant's. On any other the record must say so itself: by its
    key, in the native format, or by its value, and not one thing here and another there.
    """
    topic = record.header(headers.DEAD_TOPIC)
    listed = topics.sources if kind == "documents" else topics.questions
    source = next((one for one in listed if one.topic == topic), None)
    if source is None:
        return None
    if source.tenant is not None:
        return source.tenant
    if kind == "documents" and getattr(source, "format", None) != "native":
        return None
    return _named(record, by_key=kind == "documents")


def _named(record: Record, *, by_key: bool) -> str | None:
    value = _object(record.value)
    if value is None and (record.value or not by_key):
        return None
    said = (value or {}).get("tenant")
    key, slash, _ = (record.key or b"").decode(errors="replace").partition("/")
    if by_key:
        return key if slash and said in {None, key} else None
    return said if isinstance(said, str) else None


def letter(kind: Kind, dead: DeadLetter, oldest: datetime | None) -> Letter:
    """A dead letter, as it is listed; one that died before `oldest` can't be sent back."""
    attempts = dead.attempts or ""
    _, slash, document_id = (dead.record.key or b"").decode(errors="replace").partition("/")
    return Letter(
        at=str(dead.at), kind=kind, code=dead.code, message=dead.message, source=dead.source,
        attempts=int(attempts) if attempts.isascii() and attempts.isdecimal() else None, died=dead.died,
        truncated=dead.truncated, document_id=document_id if kind == "documents" and slash else None,
        replayable=not dead.truncated and _is_recent(dead.record, oldest),
    )  # fmt: skip


def whole(kind: Kind, dead: DeadLetter, oldest: datetime | None) -> WholeLetter:
    """A dead letter, with its record."""
    record = dead.record
    return WholeLetter(
        **letter(kind, dead, oldest).model_dump(),
        key=_text(record.key),
        value=_text(record.value),
        headers={name: _text(value) or "" for name, value in record.headers},
    )


def _is_recent(record: Record, oldest: datetime | None) -> bool:
    try:
        return oldest is None or died_first(record) >= oldest
    except Rejected:
        return False


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode(errors="replace")[:SHOWN_CHARACTERS]


def _object(value: bytes | None) -> Mapping[str, Any] | None:
    try:
        said = json.loads(value or b"")
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) else None
