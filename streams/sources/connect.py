"""Kafka Connect's JSON with a schema: `{"schema": …, "payload": …}`, as its JsonConverter writes it."""

from __future__ import annotations

from pydantic import JsonValue


def unwrapped(value: JsonValue) -> JsonValue:
    """The payload of `value`, where that is such a pair; else `value`."""
    if isinstance(value, dict) and value.keys() == {"schema", "payload"} and _is_schema(value["schema"]):
        return value["payload"]
    return value


def _is_schema(schema: JsonValue) -> bool:
    return schema is None or (isinstance(schema, dict) and "type" in schema)
