"""CloudEvents 1.0 on Kafka, structured or binary: a row, or a change event of Debezium, in an event.

See https://github.com/cloudevents/spec, its Kafka protocol binding, and
https://debezium.io/documentation/reference/stable/integrations/cloudevents.html. An event's `time` is its
change's. No address that an event names (`dataschema`) is ever asked: schemas are the source's registry's.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from pydantic import JsonValue

from streams.errors import Rejected
from streams.messages.changes import Said
from streams.messages.decode import decode_json
from streams.messages.records import Record
from streams.sources import connect, debezium
from streams.sources.mapping import change_of
from streams.sources.moment import moment_of
from streams.sources.payload import Payload
from streams.sources.rows import Row
from streams.sources.template import written
from streams.sources.topics import Source

SUBJECT = "subject"

_PREFIX = "ce_"
_DATA = frozenset({"data", "data_base64"})
_NEEDED = ("id", "source", "type")
_DEBEZIUM = "iodebezium"
_SOURCE_FIELDS = (
    *("version", "connector", "name", "snapshot", "db", "schema", "table", "collection", "shard"),
    *("ts_ms", "ts_us", "ts_ns", "sequence", "lsn", "file", "pos", "row", "ord", "tord", "ts_hlc", "vgtid"),
    *("change_lsn", "commit_lsn", "event_serial_no", "scn", "position_scn", "mod_number"),
)
"""Of the `source` of Debezium's change events: what says when a change was, and of what."""


@dataclass(frozen=True, slots=True)
class Event:
    """An event's attributes by name, and its data; None where it has none."""

    attributes: Mapping[str, JsonValue]
    data: JsonValue


def decode(source: Source, record: Record, payload: Payload) -> tuple[Said, ...]:
    """What an event says of the row that it is about, named by the record's key, else by its `subject`.

    An event without data, or of a type that is one of the source's `delete_types`, says that the row is
    gone. Raises `Rejected`: `not_cloudevent`, or as `change_of` and `debezium.decode` do.
    """
    event = _event(record, payload.value)
    if event is None:
        return (change_of(source, record, payload, Row(None)),)
    envelope = _envelope(event)
    if envelope is not None:
        return debezium.decode(source, record, Payload(payload.key, envelope))
    return (change_of(source, record, payload, _row(source, payload.key, event)),)


def encoded(record: Record) -> Record:
    """The record with what is encoded as its value: the data, where they are Avro in an event in JSON.

    Such an event becomes one in binary mode: its attributes are headers.
    """
    if not (record.value or b"").lstrip().startswith(b"{"):
        return record
    try:
        event = decode_json(record.value or b"")
        data = _bytes(event)
    except Rejected:
        return record
    if data is None:
        return record
    attributes = (
        (f"{_PREFIX}{name}", written(value).encode())
        for name, value in event.items()
        if name not in _DATA and value is not None
    )
    kept = ((name, value) for name, value in record.headers if name.lower() != "content-type")
    return replace(record, value=data, headers=(*kept, *attributes))


def _bytes(event: Mapping[str, JsonValue]) -> bytes | None:
    """The data of an event in JSON, where it is bytes: Debezium writes them in base64 as `data`."""
    text = event.get("data_base64", event.get("data"))
    if not isinstance(text, str):
        return None
    try:
        return base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        return None


def _event(record: Record, value: JsonValue) -> Event | None:
    """The event that a record is; None for a tombstone."""
    headers = {
        name.lower().removeprefix(_PREFIX): record.header(name)
        for name, _ in record.headers
        if name.lower().startswith(_PREFIX)
    }
    if headers:
        return _checked(headers, value)
    if value is None:
        return None
    if not isinstance(value, dict):
        raise _not_cloudevent("it has neither headers ce_… nor an object with their names")
    return _checked({name: one for name, one in value.items() if name not in _DATA}, _data(value))


def _checked(attributes: Mapping[str, JsonValue], data: JsonValue) -> Event:
    version = attributes.get("specversion")
    if not isinstance(version, str) or not version.startswith("1."):
        raise _not_cloudevent("its specversion is not 1.0")
    for name in _NEEDED:
        if not isinstance(attributes.get(name), str) or not attributes[name]:
            raise _not_cloudevent(f"it has no {name}")
    return Event(attributes, data)


def _data(event: Mapping[str, JsonValue]) -> JsonValue:
    """The data of an event in structured mode."""
    if event.get("data_base64") is not None:
        data = _bytes(event)
        if data is None:
            raise _not_cloudevent("its data_base64 is not base64")
        return connect.unwrapped(decode_json(data))
    return connect.unwrapped(event.get("data"))


def _envelope(event: Event) -> JsonValue:
    """The change event of Debezium that is in this one, whole; None where there is none.

    Debezium's converter leaves only the row's states in the data: the rest are attributes, as text, under
    names without underscores.
    """
    data, operation = event.data, event.attributes.get(f"{_DEBEZIUM}op")
    if not isinstance(data, dict):
        return None
    if isinstance(data.get("op"), str) and isinstance(data.get("source"), dict):
        return data
    if operation is None:
        return None
    found = {name: event.attributes.get(_DEBEZIUM + name.replace("_", "")) for name in _SOURCE_FIELDS}
    source: dict[str, JsonValue] = {name: value for name, value in found.items() if value is not None}
    return {"before": data.get("before"), "after": data.get("after"), "op": operation, "source": source}


def _row(source: Source, record_key: JsonValue, event: Event) -> Row:
    data, subject = event.data, event.attributes.get(SUBJECT)
    if data is not None and not isinstance(data, dict):
        kind = ascii(event.attributes.get("datacontenttype") or "application/json")[:80]
        raise _not_cloudevent(
            f"its data ({kind}) is no object with a row's columns; where it is Avro, the source's encoding "
            'is "avro"'
        )
    kind = str(event.attributes["type"])
    gone = data is None or any(fnmatchcase(kind, pattern) for pattern in source.delete_types)
    moment = moment_of(event.attributes.get("time"))
    named = record_key is None and not source.key and isinstance(subject, str) and subject
    return Row(
        None if gone else data,
        key={SUBJECT: subject} if named else None,
        before=data if gone else None,
        time=moment.time,
        changed_at=moment.changed_at,
    )


def _not_cloudevent(why: str) -> Rejected:
    return Rejected(f"the record is no CloudEvent with a row: {why}", code="not_cloudevent")
