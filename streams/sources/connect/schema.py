"""Kafka Connect's JSON with a schema: `{"schema": …, "payload": …}`, as its JsonConverter writes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import JsonValue

from streams.sources.connect.semantic import plain


def unwrapped(value: JsonValue) -> JsonValue:
    """The payload of `value`, decoded by its schema, where `value` is such a pair; else `value`."""
    if not isinstance(value, dict) or value.keys() != {"schema", "payload"}:
        return value
    schema = value["schema"]
    return decoded(schema, value["payload"]) if schema is None or isinstance(schema, dict) else value


def decoded(schema: Any, value: JsonValue) -> JsonValue:
    """`value` with all that `schema`, one of Connect in JSON, names a semantic type for made readable.

    A value that does not fit its schema stays as it is.
    """
    if value is None or not isinstance(schema, dict):
        return value
    if isinstance(name := schema.get("name"), str):
        value = plain(name, _object(schema.get("parameters")), value)
    if isinstance(value, dict):
        return _members(schema, value)
    if isinstance(value, list) and "items" in schema:
        return [decoded(schema["items"], one) for one in value]
    return value


def _members(schema: Mapping[str, Any], value: dict[str, JsonValue]) -> dict[str, JsonValue]:
    if isinstance(fields := schema.get("fields"), list):
        by_name = {field.get("field"): field for field in fields if isinstance(field, dict)}
        return {name: decoded(by_name.get(name), one) for name, one in value.items()}
    if "values" in schema:
        return {name: decoded(schema["values"], one) for name, one in value.items()}
    return value


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
