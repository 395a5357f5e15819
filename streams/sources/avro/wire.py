"""Confluent's wire format: which schema a value names, and the value."""

from __future__ import annotations

from dataclasses import replace

from pydantic import JsonValue

from streams.errors import Rejected, Retryable
from streams.messages.records import Record
from streams.sources.avro.schema import Schemas
from streams.sources.avro.values import NOT_AVRO, decoded
from streams.sources.payload import Payload, from_json

MAGIC = 0
HEAD_BYTES = 5
"""The zero, and the schema's number in four bytes, the highest first."""
MAX_ID = 2**31 - 1
"""Numbers have a sign; a registry takes any other for a wrong address."""


def schema_ids(record: Record) -> tuple[int, ...]:
    """The numbers of the schemas that `record`'s key and value name."""
    ids = (schema_id(part) for part in (record.key, record.value))
    return tuple(id_ for id_ in ids if id_ is not None)


def from_avro(record: Record, schemas: Schemas) -> Payload:
    """The payload of a record whose value is in Avro, and whose key is, or is as in any other encoding.

    Raises `Rejected` (`not_avro`), and `Retryable` where a schema was not fetched yet.
    """
    value = None if record.value is None else _value(record.value, schemas)
    if schema_id(record.key) is not None:
        return Payload(_value(record.key or b"", schemas), value)
    return Payload(from_json(replace(record, value=None)).key, value)


def schema_id(data: bytes | None) -> int | None:
    """The number of the schema that `data` names; None where it is none that a registry gives."""
    if data is None or len(data) < HEAD_BYTES or data[0] != MAGIC:
        return None
    id_ = int.from_bytes(data[1:HEAD_BYTES], "big")
    return id_ if 0 < id_ <= MAX_ID else None


def _value(data: bytes, schemas: Schemas) -> JsonValue:
    id_ = schema_id(data)
    if id_ is None:
        raise Rejected(
            "the value is not Avro in Confluent's wire format, a zero and a schema's number first: "
            "correct `encoding` in the sources file, or the serializer that writes the topic",
            code=NOT_AVRO,
        )
    if id_ not in schemas:
        raise Retryable(f"the schema {id_} is not fetched yet", code="schema_missing")
    return decoded(schemas[id_], data[HEAD_BYTES:])
