"""Debezium: change events in their envelope, `{"op": …, "before": …, "after": …, "source": …}`."""

from __future__ import annotations

from pydantic import JsonValue

from streams.errors import Rejected
from streams.messages.changes import Said
from streams.messages.records import Record
from streams.sources.mapping import change_of
from streams.sources.payload import Payload
from streams.sources.rows import Row
from streams.sources.topics import Source


def decode(source: Source, record: Record, payload: Payload) -> tuple[Said, ...]:
    """What a change event says. Raises `Rejected`: `not_debezium`, or as `change_of` does."""
    value = payload.value
    if value is None:
        return (change_of(source, record, payload, Row(None)),)
    if not isinstance(value, dict) or value.get("op") not in {"c", "r", "u", "d"}:
        raise Rejected("the record is no change event of Debezium", code="not_debezium")
    after, before = _columns(value.get("after")), _columns(value.get("before"))
    gone = value["op"] == "d"
    return (change_of(source, record, payload, Row(None if gone else after, before=before)),)


def _columns(image: JsonValue) -> dict[str, JsonValue] | None:
    return image if isinstance(image, dict) else None
