"""Semantic types: what a schema's name says about a value that is a mere number, string or bytes.

The names are Kafka Connect's (`org.apache.kafka.connect.data`) and Debezium's (`io.debezium.time`,
`io.debezium.data`): https://debezium.io/documentation/reference/stable/connectors/postgresql.html#postgresql-data-types
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from pydantic import JsonValue

from streams.sources.connect.geometry import point_text, well_known_text

Decoder = Callable[[Any, Mapping[str, Any]], JsonValue]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST_NS = 839 * 3600 * 10**9
_MAX_DIGITS = 20_000
"""More digits than a column of any database has behind its point; a scale is the sender's word."""


def plain(name: str, parameters: Mapping[str, Any], value: Any) -> JsonValue:
    """`value`, of the semantic type `name`, as a person would write it.

    Dates and times in ISO 8601, decimals as text with all their digits, bits as `0` and `1`, shapes as
    well-known text. Bytes are base64, or bytes. A value that doesn't fit, and any other type, stays as it
    is: text of JSON, XML and UUIDs, enumerations, intervals, times with a zone.
    """
    decoder = _DECODERS.get(name)
    if decoder is None or value is None:
        return value  # type: ignore[no-any-return]
    try:
        return decoder(value, parameters)
    except (ValueError, TypeError, OverflowError, KeyError, binascii.Error):
        return value  # type: ignore[no-any-return]


def _decimal(value: Any, parameters: Mapping[str, Any]) -> JsonValue:
    return _scaled(_bytes(value), int(parameters["scale"]))


def _variable_decimal(value: Any, _parameters: Mapping[str, Any]) -> JsonValue:
    return _scaled(_bytes(value["value"]), int(value["scale"]))


def _scaled(data: bytes, scale: int) -> str:
    """A big-endian two's complement, with this many digits behind the point (fewer than none: zeros)."""
    if max(abs(scale), len(data)) > _MAX_DIGITS:
        raise ValueError("more digits than a database holds")
    unscaled = int.from_bytes(data, "big", signed=True)
    digits = Decimal(unscaled).as_tuple()
    return format(Decimal((digits.sign, digits.digits, -scale)), "f")


def _bits(value: Any, parameters: Mapping[str, Any]) -> JsonValue:
    """Debezium writes the bits' bytes in little-endian order."""
    number = int.from_bytes(_bytes(value), "little")
    return format(number, f"0{min(int(parameters.get('length', 1)), _MAX_DIGITS)}b")


def _date(value: Any, _parameters: Mapping[str, Any]) -> JsonValue:
    return (date(1970, 1, 1) + timedelta(days=_integer(value))).isoformat()


def _time(unit_ns: int) -> Decoder:
    def decode(value: Any, _parameters: Mapping[str, Any]) -> JsonValue:
        total = _integer(value) * unit_ns
        if abs(total) >= _LONGEST_NS:
            raise ValueError("longer than MySQL's TIME, which is a duration as well")
        seconds, fraction = divmod(abs(total), 10**9)
        clock = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
        return f"{'-' if total < 0 else ''}{clock}{_fraction(fraction)}"

    return decode


def _timestamp(unit_ns: int, zone: str = "") -> Decoder:
    """Since the epoch. Debezium's have no zone: they are the wall's time, as the database holds it."""

    def decode(value: Any, _parameters: Mapping[str, Any]) -> JsonValue:
        seconds, fraction = divmod(_integer(value) * unit_ns, 10**9)
        clock = (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")
        return clock.rjust(len("2026-11-22T10:00:00"), "0") + _fraction(fraction) + zone

    return decode


def _fraction(nanoseconds: int) -> str:
    return f".{nanoseconds:09d}".rstrip("0") if nanoseconds else ""


def _duration(unit_ns: int) -> Decoder:
    def decode(value: Any, _parameters: Mapping[str, Any]) -> JsonValue:
        total = _integer(value) * unit_ns
        seconds, fraction = divmod(abs(total), 10**9)
        return f"{'-' if total < 0 else ''}PT{seconds}{_fraction(fraction)}S"

    return decode


def _point(value: Any, _parameters: Mapping[str, Any]) -> JsonValue:
    return point_text(float(value["x"]), float(value["y"]), value.get("srid"))


def _shape(value: Any, _parameters: Mapping[str, Any]) -> JsonValue:
    return well_known_text(_bytes(value["wkb"]), value.get("srid"))


def _bytes(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    if not isinstance(value, str):
        raise TypeError("bytes are written in base64")
    return base64.b64decode(value, validate=True)


def _integer(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError("not a whole number")
    return value


_MS, _US, _NS = 10**6, 10**3, 1

_DECODERS: Mapping[str, Decoder] = {
    "org.apache.kafka.connect.data.Decimal": _decimal,
    "org.apache.kafka.connect.data.Date": _date,
    "org.apache.kafka.connect.data.Time": _time(_MS),
    "org.apache.kafka.connect.data.Timestamp": _timestamp(_MS, "Z"),
    "io.debezium.time.Date": _date,
    "io.debezium.time.Time": _time(_MS),
    "io.debezium.time.MicroTime": _time(_US),
    "io.debezium.time.NanoTime": _time(_NS),
    "io.debezium.time.Timestamp": _timestamp(_MS),
    "io.debezium.time.MicroTimestamp": _timestamp(_US),
    "io.debezium.time.NanoTimestamp": _timestamp(_NS),
    "io.debezium.time.MicroDuration": _duration(_US),
    "io.debezium.time.NanoDuration": _duration(_NS),
    "io.debezium.data.VariableScaleDecimal": _variable_decimal,
    "io.debezium.data.Bits": _bits,
    "io.debezium.data.geometry.Point": _point,
    "io.debezium.data.geometry.Geometry": _shape,
    "io.debezium.data.geometry.Geography": _shape,
}
