"""Kafka Connect's schemas: values that only a schema explains become readable."""

import base64
import struct
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.sources.connect import decoded, plain, unwrapped
from streams.sources.connect.geometry import well_known_text


def b64(data):
    return base64.b64encode(data).decode()


def two_s_complement(number):
    return number.to_bytes(number.bit_length() // 8 + 1, "big", signed=True)


DATA, TIME, MORE = "org.apache.kafka.connect.data.", "io.debezium.time.", "io.debezium.data."


@pytest.mark.parametrize(
    ("name", "parameters", "value", "text"),
    [
        (DATA + "Decimal", {"scale": "2"}, "JxA=", "100.00"),
        (DATA + "Decimal", {"scale": "0"}, "/w==", "-1"),
        (DATA + "Decimal", {"scale": "-2"}, "AQ==", "100"),
        (DATA + "Decimal", {"scale": "2"}, 9.9, 9.9),
        (MORE + "VariableScaleDecimal", {}, {"scale": 3, "value": "AeJA"}, "123.456"),
        (DATA + "Date", {}, 19675, "2023-11-14"),
        (DATA + "Time", {}, 36_000_123, "10:00:00.123"),
        (DATA + "Timestamp", {}, 1_700_000_000_123, "2023-11-14T22:13:20.123Z"),
        (TIME + "Date", {}, -1, "1969-12-31"),
        (TIME + "Time", {}, 0, "00:00:00"),
        (TIME + "MicroTime", {}, 86_399_999_999, "23:59:59.999999"),
        (TIME + "MicroTime", {}, 86_400_000_000, "24:00:00"),
        (TIME + "MicroTime", {}, 129_600_000_000, "36:00:00"),
        (TIME + "MicroTime", {}, -3_600_500_000, "-01:00:00.5"),
        (TIME + "MicroTime", {}, 3_020_399_999_999, "838:59:59.999999"),
        (TIME + "MicroTime", {}, 3_020_400_000_000, 3_020_400_000_000),
        (TIME + "NanoTime", {}, 1, "00:00:00.000000001"),
        (TIME + "Timestamp", {}, 1_700_000_000_000, "2023-11-14T22:13:20"),
        (TIME + "MicroTimestamp", {}, 1_700_000_000_123_456, "2023-11-14T22:13:20.123456"),
        (TIME + "NanoTimestamp", {}, 1_700_000_000_123_456_789, "2023-11-14T22:13:20.123456789"),
        (TIME + "MicroTimestamp", {}, -62_135_596_800_000_000, "0001-01-01T00:00:00"),
        (TIME + "MicroTimestamp", {}, 2**63 - 1, 2**63 - 1),
        (TIME + "ZonedTimestamp", {}, "2023-11-14T22:13:20+01:00", "2023-11-14T22:13:20+01:00"),
        (TIME + "MicroDuration", {}, -1_500_000, "-PT1.5S"),
        (MORE + "Bits", {"length": "5"}, b64(bytes([0b10010])), "10010"),
        (MORE + "Bits", {"length": "10"}, b64(bytes([1, 2])), "1000000001"),
        (MORE + "Json", {}, '{"a": 1}', '{"a": 1}'),
        (MORE + "Enum", {"allowed": "a,b"}, "b", "b"),
        (MORE + "geometry.Point", {}, {"x": 1.0, "y": -2.5, "srid": None}, "POINT (1.0 -2.5)"),
        (
            MORE + "geometry.Geometry",
            {},
            {"wkb": b64(struct.pack("<BIdd", 1, 1, 1, 2)), "srid": 4326},
            "SRID=4326;POINT (1.0 2.0)",
        ),
        (DATA + "Decimal", {"scale": "2"}, "not base64!", "not base64!"),
        (DATA + "Decimal", {}, "JxA=", "JxA="),
        (DATA + "Decimal", {"scale": "999999999"}, "JxA=", "JxA="),
        (DATA + "Date", {}, "2023-11-14", "2023-11-14"),
        (MORE + "geometry.Geometry", {}, {"wkb": "AAAA"}, {"wkb": "AAAA"}),
        ("somebody.else.Type", {}, 7, 7),
        (DATA + "Date", {}, None, None),
    ],
)
def test_a_semantic_type_reads_like_this(name, parameters, value, text):
    assert plain(name, parameters, value) == text


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6))
def test_a_decimal_is_what_it_was(number):
    unscaled = int(number.scaleb(6))
    data = b64(two_s_complement(unscaled))
    for text in (
        plain(DATA + "Decimal", {"scale": "6"}, data),
        plain(MORE + "VariableScaleDecimal", {}, {"scale": 6, "value": data}),
        plain(DATA + "Decimal", {"scale": "6"}, two_s_complement(unscaled)),
    ):
        assert Decimal(text) == Decimal(unscaled).scaleb(-6)
        assert "E" not in text


@given(st.dates())
def test_a_date_is_what_it_was(day):
    text = plain(TIME + "Date", {}, (day - date(1970, 1, 1)).days)
    assert date.fromisoformat(text) == day


@given(st.datetimes())
def test_a_timestamp_is_what_it_was(moment):
    text = plain(TIME + "MicroTimestamp", {}, (moment - datetime(1970, 1, 1)) // timedelta(microseconds=1))  # noqa: DTZ001  Debezium's has no zone
    assert datetime.fromisoformat(text) == moment


def shape(kind, body, order="<", flags=0):
    return struct.pack(order + "BI", order == "<", kind | flags) + body


LINE = struct.pack("<I4d", 2, 0, 0, 1, 1)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (shape(1, struct.pack(">2d", 1, 2), ">"), "POINT (1.0 2.0)"),
        (shape(1, struct.pack("<I2d", 4326, 1, 2), flags=0x20000000), "SRID=4326;POINT (1.0 2.0)"),
        (shape(1, struct.pack("<3d", 1, 2, 3), flags=0x80000000), "POINT Z (1.0 2.0 3.0)"),
        (shape(3001, struct.pack("<4d", 1, 2, 3, 4)), "POINT ZM (1.0 2.0 3.0 4.0)"),
        (shape(2, LINE), "LINESTRING (0.0 0.0, 1.0 1.0)"),
        (shape(2, struct.pack("<I", 0)), "LINESTRING EMPTY"),
        (shape(3, struct.pack("<I", 1) + LINE), "POLYGON ((0.0 0.0, 1.0 1.0))"),
        (
            shape(4, struct.pack("<I", 1) + shape(1, struct.pack("<2d", 1, 2))),
            "MULTIPOINT ((1.0 2.0))",
        ),
        (
            shape(7, struct.pack("<I", 1) + shape(1, struct.pack("<2d", 1, 2))),
            "GEOMETRYCOLLECTION (POINT (1.0 2.0))",
        ),
    ],
)
def test_a_shape_reads_like_this(data, text):
    assert well_known_text(data) == text


@given(st.binary(max_size=60))
def test_any_bytes_are_a_shape_or_none(data):
    try:
        assert well_known_text(data)
    except ValueError:
        return


def test_counts_that_lie_cost_nothing():
    with pytest.raises(ValueError, match="ends early"):
        well_known_text(shape(7, struct.pack("<I", 2**32 - 1)))
    nested = shape(1, b"")
    for _ in range(100):
        nested = shape(7, struct.pack("<I", 1) + nested)
    with pytest.raises(ValueError, match="too many shapes"):
        well_known_text(nested)


def test_a_schema_reaches_into_objects_lists_and_maps():
    day = {"type": "int32", "name": TIME + "Date"}
    schema = {
        "type": "struct",
        "fields": [
            {"field": "one", **day},
            {"field": "many", "type": "array", "items": day},
            {"field": "map", "type": "map", "keys": {"type": "string"}, "values": day},
            {"field": "in", "type": "struct", "fields": [{"field": "one", **day}]},
            {"field": "price", "type": "bytes", "name": DATA + "Decimal", "parameters": {"scale": "2"}},
        ],
    }
    value = {"one": 0, "many": [0, None], "map": {"a": 0}, "in": {"one": 0}, "price": "JxA=", "new": 0}
    first = "1970-01-01"
    assert unwrapped({"schema": schema, "payload": value}) == {
        "one": first,
        "many": [first, None],
        "map": {"a": first},
        "in": {"one": first},
        "price": "100.00",
        "new": 0,
    }


@pytest.mark.parametrize(
    "schema",
    [None, {}, {"fields": 7}, {"fields": ["…"]}, {"fields": [{}]}, {"name": 7}, {"items": 1}, "x", []],
)
def test_a_schema_that_is_cut_short_changes_nothing(schema):
    value = {"a": [1, {"b": None}]}
    assert decoded(schema, value) == value


@pytest.mark.parametrize(
    "value", [{"schema": 1, "payload": 2}, {"payload": 1}, {"schema": {}, "payload": 1, "x": 2}]
)
def test_what_is_no_pair_of_schema_and_payload_stays_as_it_is(value):
    assert unwrapped(value) == value
