"""A record of rows as plain JSON, whatever it was encoded in: what every format of rows decodes from."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from pydantic import JsonValue

from streams.errors import Rejected
from streams.messages.decode import decode_json
from streams.messages.records import Record
from streams.sources import connect


@dataclass(frozen=True, slots=True)
class Payload:
    """A record's key and value as plain JSON values; None where there is none, or it is null.

    What a schema encodes (decimals, dates, bytes: see `connect`) is decoded, the schema is gone: a
    format reads the same whether its record came as JSON, as JSON with Connect's schema, or as Avro.
    """

    key: JsonValue = None
    value: JsonValue = None


def from_json(record: Record) -> Payload:
    """The payload of a record in JSON, with or without Kafka Connect's `{"schema": …, "payload": …}`.

    A key that is no JSON is text. Raises `Rejected` as `decode_json` does.
    """
    value = None if record.value is None else connect.unwrapped(decode_json(record.value))
    return Payload(_key(record.key), value)


def _key(key: bytes | None) -> JsonValue:
    """An object, a list or a string in JSON; any other key is text, whatever wrote it; else hexadecimal."""
    if key is None or key == b"null":
        return None
    if key[:1] in {b"{", b"[", b'"'}:
        with suppress(Rejected):
            return connect.unwrapped(decode_json(key))
    try:
        return key.decode()
    except UnicodeDecodeError:
        return key.hex()
