"""MongoDB's documents: JSON as text, with types written as `{"$numberLong": "1004"}`.

https://www.mongodb.com/docs/manual/reference/mongodb-extended-json/
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import JsonValue

from streams.errors import Rejected
from streams.messages.decode import decode_json

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def document(text: str) -> dict[str, JsonValue]:
    """The document that `text` holds, as plain JSON. Raises `Rejected` where it holds none."""
    value = decode_json(text.encode())
    if not isinstance(value, dict):
        raise Rejected("a change event whose row, JSON as text, is no object", code="not_debezium")
    return {name: _plain(one) for name, one in value.items()}


def _plain(value: Any) -> JsonValue:
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if not isinstance(value, dict):
        return value  # type: ignore[no-any-return]
    names = value.keys() - {"$type"}
    decoder = _TYPES.get(next(iter(names))) if len(names) == 1 else None
    if decoder is not None:
        try:
            return decoder(next(iter(value[name] for name in names)))
        except (ValueError, TypeError, KeyError, OverflowError):
            pass
    return {name: _plain(one) for name, one in value.items()}


def _number(value: Any) -> JsonValue:
    return int(value)


def _double(value: Any) -> JsonValue:
    """JSON has no infinity and no NaN: these stay text."""
    number = float(value)
    return number if math.isfinite(number) else str(value)


def _text(value: Any) -> JsonValue:
    return str(value)


def _binary(value: Any) -> JsonValue:
    """In base64; its subtype beside it in the older form, in it in the newer."""
    return str(value["base64"]) if isinstance(value, dict) else str(value)


def _date(value: Any) -> JsonValue:
    """Text in ISO 8601, or milliseconds since the epoch."""
    if isinstance(value, str):
        return value
    milliseconds = int(value["$numberLong"]) if isinstance(value, dict) else int(value)
    return (_EPOCH + timedelta(milliseconds=milliseconds)).isoformat(timespec="milliseconds")


def _timestamp(value: Any) -> JsonValue:
    return (_EPOCH + timedelta(seconds=int(value["t"]))).isoformat()


def _nothing(_value: Any) -> JsonValue:
    return None


_TYPES: Mapping[str, Callable[[Any], JsonValue]] = {
    "$oid": _text,
    "$numberInt": _number,
    "$numberLong": _number,
    "$numberDouble": _double,
    "$numberDecimal": _text,
    "$uuid": _text,
    "$symbol": _text,
    "$binary": _binary,
    "$date": _date,
    "$timestamp": _timestamp,
    "$undefined": _nothing,
}
