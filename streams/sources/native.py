"""The native format: one `DocumentChange` a record, keyed `TENANT/ID`; a null value is a deletion."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from streams.errors import Rejected
from streams.messages.changes import EVERYONE, Change, Document, DocumentChange, Ignored, metadata_pairs
from streams.messages.decode import OnUnknown, decode_json, read
from streams.messages.position import fits
from streams.messages.records import Record
from streams.sources.tenancy import Key, key_of, tenant_of
from streams.sources.topics import Source

MAX_ID_CHARACTERS = 1024

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}[T ]", re.IGNORECASE)


def decode(
    source: Source, record: Record, on_unknown: OnUnknown | None = None
) -> tuple[Change | Ignored, ...]:
    """The change that `record` holds.

    Raises `Rejected`: `key_missing`, `key_mismatch`, `refused` (another tenant than the topic's),
    `not_utf8`, `not_json`, `too_deep`, `invalid_change`.
    """
    key = _key(record)
    if record.value is None:
        _same(key, tenant_of(bound=source.tenant, named=None, key=key), key.id)
        return (_change(source, record, key, None),)
    change = _read(record.value, on_unknown)
    tenant = tenant_of(bound=source.tenant, named=change.tenant, key=key)
    _same(key, tenant, change.id)
    return (_change(source, record, key, change),)


def _key(record: Record) -> Key:
    if record.key is None:
        raise Rejected("the record has no key; produce it with the key TENANT/ID", code="key_missing")
    key = key_of(record.key)
    if key is None or len(key.id) > MAX_ID_CHARACTERS:
        raise Rejected(
            "the record's key is not TENANT/ID (a tenant is 1 to 64 of A-Z, a-z, 0-9, _ and -; "
            f"an id at most {MAX_ID_CHARACTERS} characters)",
            code="key_mismatch",
        )
    return key


def _same(key: Key, tenant: str, document_id: str) -> None:
    if key.tenant != tenant:
        raise Rejected(
            "the record's key names another tenant than the record or its topic", code="key_mismatch"
        )
    if key.id != document_id:
        raise Rejected("the record's key names another document than its value", code="key_mismatch")


def _read(value: bytes, on_unknown: OnUnknown | None) -> DocumentChange:
    data = decode_json(value)
    change = read(DocumentChange, data, code="invalid_change", on_unknown=on_unknown)
    if change.op == "upsert" and change.text is None:
        raise Rejected(
            "text: an upsert needs it; to delete the document write op: delete", code="invalid_change"
        )
    _is_time(data.get("changed_at"))
    return change


def _is_time(changed_at: Any) -> None:
    """A bare number is refused: whether it counts seconds or milliseconds would be a guess."""
    if changed_at is not None and not (isinstance(changed_at, str) and _DATE.match(changed_at)):
        raise _no_time("write a time such as 2026-11-22T10:00:00Z")


def _change(source: Source, record: Record, key: Key, said: DocumentChange | None) -> Change:
    deleted = said is None or said.op == "delete"
    time = _nanoseconds(said.changed_at) if said and said.changed_at else None
    return Change(
        source=source.topic,
        record_key=f"{key.tenant}/{key.id}",
        at=record.at,
        timestamp=record.timestamp,
        document=None if said is None or deleted else _document(key.tenant, said),
        tenant=key.tenant if deleted else None,
        document_id=key.id if deleted else None,
        time=time,
        order=None if time is None else 0,
        changed_at=None if time is None else _EPOCH + timedelta(microseconds=time // 1000),
    )


def _document(tenant: str, said: DocumentChange) -> Document:
    return Document(
        tenant=tenant,
        id=said.id,
        text=said.text or "",
        title=said.title,
        media_type=said.media_type,
        url=said.url,
        language=said.language,
        readers=_readers(said.readers),
        metadata=metadata_pairs(said.metadata),
    )


def _readers(readers: list[str] | None) -> tuple[str, ...]:
    if readers is None or EVERYONE in readers:
        return (EVERYONE,)
    return tuple(sorted(set(readers)))


def _nanoseconds(changed_at: datetime) -> int:
    """Since the epoch; a time without a zone is taken as UTC."""
    aware = changed_at if changed_at.tzinfo else changed_at.replace(tzinfo=UTC)
    time = (aware - _EPOCH) // _MICROSECOND * 1000
    if not fits(time, 0):
        raise _no_time("a time before 1970, or too far ahead, can't order changes")
    return time


def _no_time(what: str) -> Rejected:
    return Rejected(f"changed_at: {what}", code="invalid_change")
