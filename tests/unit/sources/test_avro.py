"""Avro in Confluent's wire format: values as the same rows in JSON have them, and what is refused."""

import base64
import contextlib
import io
import json
import math

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.errors import Rejected, Retryable
from streams.messages.records import Record
from streams.ports import RegisteredSchema
from streams.sources import Source, decode, schema_ids
from streams.sources.avro import from_avro, parse
from streams.sources.avro.values import decoded

SOURCE = Source(
    "a", format="debezium", encoding="avro", schema_registry="http://registry", id="{id}", text="{body}"
)
VALUE = {
    "type": "record",
    "name": "Value",
    "namespace": "cms.public.articles",
    "connect.name": "cms.public.articles.Value",
    "fields": [{"name": "id", "type": "long"}, {"name": "body", "type": ["null", "string"], "default": None}],
}
ENVELOPE = {
    "type": "record",
    "name": "Envelope",
    "namespace": "cms.public.articles",
    "fields": [
        {"name": "before", "type": ["null", VALUE], "default": None},
        {"name": "after", "type": ["null", "Value"], "default": None},
        {
            "name": "source",
            "type": {
                "type": "record",
                "name": "Source",
                "namespace": "io.debezium.connector.postgresql",
                "fields": [{"name": "ts_ms", "type": "long"}, {"name": "lsn", "type": ["null", "long"]}],
            },
        },
        {"name": "op", "type": "string"},
    ],
}
KEY = {"type": "record", "name": "Key", "fields": [{"name": "id", "type": "long"}]}


def registered(schema, *references):
    return RegisteredSchema("AVRO", json.dumps(schema), tuple(json.dumps(one) for one in references))


def wire(id_, schema, value):
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(schema), value)
    return b"\x00" + id_.to_bytes(4, "big") + out.getvalue()


def record(value, key=None):
    return Record("a", 0, 7, 1_000, key, value)


def plain(schema, value, *references):
    """The value as it comes out of the wire: logical types are left out when it is written."""
    bare = json.loads(json.dumps(schema).replace("logicalType", "was"))
    return decoded(parse(registered(schema, *references)), wire(1, bare, value)[5:])


def refused(call, *args):
    with pytest.raises(Rejected) as caught:
        call(*args)
    return caught.value.code


def test_a_change_event_says_what_it_says_in_json():
    row = {"id": 1, "body": "Hello."}
    event = {"before": None, "after": row, "source": {"ts_ms": 1_578_923_739_738, "lsn": 7}, "op": "c"}
    schemas = {1: parse(registered(KEY)), 2: parse(registered(ENVELOPE))}
    one = record(wire(2, ENVELOPE, event), wire(1, KEY, {"id": 1}))
    assert schema_ids(SOURCE, one) == (1, 2)
    as_json = Source("a", format="debezium", id="{id}", text="{body}")
    other = record(json.dumps(event).encode(), b'{"id":1}')
    assert decode(SOURCE, one, max_bytes=1 << 20, schemas=schemas) == decode(
        as_json, other, max_bytes=1 << 20
    )


@pytest.mark.parametrize(
    ("key", "name"),
    [(b'{"id":1}', {"id": 1}), (b"one", "one"), (b"\x00\x00\x00\x07", "\x00\x00\x00\x07"), (None, None)],
)
def test_a_key_may_be_in_avro_or_as_in_any_other_source(key, name):
    assert from_avro(record(wire(1, "string", "x"), key), {1: parse(registered("string"))}).key == name


def test_a_tombstone_needs_the_schema_of_its_key_alone():
    assert schema_ids(SOURCE, record(None, wire(1, KEY, {"id": 1}))) == (1,)
    (gone,) = decode(
        SOURCE, record(None, wire(1, KEY, {"id": 1})), max_bytes=1 << 20, schemas={1: parse(registered(KEY))}
    )
    assert (gone.document, gone.document_id) == (None, "1")


CONNECT = "org.apache.kafka.connect.data"


@pytest.mark.parametrize(
    ("schema", "value", "text"),
    [
        ({"type": "bytes", "logicalType": "decimal", "scale": 2, "precision": 9}, b"\xff\x85", "-1.23"),
        (
            {
                "type": "bytes",
                "logicalType": "decimal",
                "scale": 2,
                "precision": 9,
                "connect.name": f"{CONNECT}.Decimal",
                "connect.parameters": {"scale": "2"},
            },
            b"\x00\x7b",
            "1.23",
        ),
        (
            {"type": "fixed", "name": "D", "size": 2, "logicalType": "decimal", "scale": 1},
            b"\x00\x7b",
            "12.3",
        ),
        ({"type": "int", "logicalType": "date"}, 20_000, "2024-10-04"),
        ({"type": "int", "connect.name": "io.debezium.time.Date"}, 20_000, "2024-10-04"),
        ({"type": "long", "logicalType": "timestamp-millis"}, 1_500, "1970-01-01T00:00:01.5Z"),
        ({"type": "long", "logicalType": "timestamp-micros"}, 1_500_000, "1970-01-01T00:00:01.5Z"),
        ({"type": "long", "logicalType": "local-timestamp-micros"}, 1_500_000, "1970-01-01T00:00:01.5"),
        (
            {"type": "long", "connect.name": "io.debezium.time.MicroTimestamp"},
            1_500_000,
            "1970-01-01T00:00:01.5",
        ),
        ({"type": "int", "logicalType": "time-millis"}, 3_600_000, "01:00:00"),
        ({"type": "string", "logicalType": "uuid"}, "a-b", "a-b"),
        ({"type": "string", "connect.name": "io.debezium.data.Json"}, '{"a": 1}', '{"a": 1}'),
        ({"type": "bytes"}, b"\x00\xff", base64.b64encode(b"\x00\xff").decode()),
        ({"type": "double"}, math.nan, "nan"),
        ({"type": "float"}, -math.inf, "-inf"),
        ({"type": "long"}, -(2**63), -(2**63)),
        ("boolean", True, True),
        ({"type": "array", "items": {"type": "int", "logicalType": "date"}}, [0], ["1970-01-01"]),
        ({"type": "map", "values": {"type": "int", "logicalType": "date"}}, {"a": 0}, {"a": "1970-01-01"}),
        (["null", {"type": "int", "logicalType": "date"}], 0, "1970-01-01"),
        (["null", {"type": "int", "logicalType": "date"}], None, None),
        (["string", {"type": "long", "logicalType": "timestamp-millis"}], 0, "1970-01-01T00:00:00Z"),
        ({"type": "enum", "name": "E", "symbols": ["A", "B"]}, "B", "B"),
    ],
)
def test_what_is_encoded_is_decoded_by_its_semantic_type(schema, value, text):
    got = plain(schema, value)
    assert (type(got), got) == (type(text), text)


def test_a_record_of_a_semantic_type_is_one_value():
    schema = {
        "type": "record",
        "name": "VariableScaleDecimal",
        "namespace": "io.debezium.data",
        "connect.name": "io.debezium.data.VariableScaleDecimal",
        "fields": [{"name": "scale", "type": "int"}, {"name": "value", "type": "bytes"}],
    }
    assert plain(schema, {"scale": 3, "value": b"\x04\xd2"}) == "1.234"


def test_the_records_of_a_union_are_told_apart_by_their_fields():
    def one(name, column, logical):
        fields = [{"name": column, "type": {"type": "int", "logicalType": logical}}]
        return {"type": "record", "name": name, "fields": fields}

    union = [one("A", "a", "date"), one("B", "b", "time-millis")]
    assert (plain(union, {"b": 0}), plain(union, {"a": 0})) == ({"b": "00:00:00"}, {"a": "1970-01-01"})


def test_types_in_other_registered_schemas_are_found():
    address = {
        "type": "record",
        "name": "Address",
        "namespace": "x",
        "fields": [{"name": "city", "type": "string"}],
    }
    person = {
        "type": "record",
        "name": "Person",
        "namespace": "x",
        "fields": [{"name": "home", "type": "Address"}],
    }
    whole = {**person, "fields": [{"name": "home", "type": address}]}
    data = wire(1, whole, {"home": {"city": "Lyon"}})[5:]
    assert decoded(parse(registered(person, address)), data) == {"home": {"city": "Lyon"}}


LIST = {
    "type": "record",
    "name": "List",
    "fields": [{"name": "next", "type": ["null", "List"]}],
}
EMPTY = {"type": "record", "name": "Empty", "fields": [{"name": "nothing", "type": "null"}]}


def nested(levels):
    schema = "string"
    for _ in range(levels):
        schema = {"type": "array", "items": schema}
    return schema


@pytest.mark.parametrize(
    "schema",
    [
        LIST,
        {"type": "array", "items": "null"},
        {"type": "array", "items": EMPTY},
        {"type": "array", "items": {"type": "fixed", "name": "F", "size": 0}},
        {"type": "frobnicate"},
        {"type": "record"},
        {"type": "record", "name": "R", "fields": [{"name": "x"}]},
        5,
        None,
        {},
        "x.Unknown",
    ],
)
def test_a_schema_that_is_none_or_has_no_bounds_is_refused(schema):
    """A type inside itself makes the decoder's stack as deep as the data say: the process would fall."""
    assert refused(parse, registered(schema)) == "bad_schema"


def test_a_schema_as_deep_as_hostile_data_is_refused():
    text = '{"type":"array","items":' * 10_000 + '"string"' + "}" * 10_000
    assert refused(parse, RegisteredSchema("AVRO", text)) == "bad_schema"
    assert refused(parse, RegisteredSchema("AVRO", "\ud800")) == "bad_schema"
    steps = [
        {
            "type": "record",
            "name": f"T{level}",
            "fields": [{"name": "x", "type": f"T{level - 1}" if level else "int"}],
        }
        for level in range(500)
    ]
    assert refused(parse, registered(steps[-1], *steps[:-1])) == "bad_schema"


def test_depth_is_counted_through_types_that_were_seen_before():
    """Each of ten types holds the one before in fifty lists: none is deep by itself."""
    types = [{"type": "record", "name": "T0", "fields": [{"name": "x", "type": "int"}]}]
    for number in range(1, 10):
        inner = f"T{number - 1}"
        for _ in range(50):
            inner = {"type": "array", "items": inner}
        types.append({"type": "record", "name": f"T{number}", "fields": [{"name": "x", "type": inner}]})
    fields = [{"name": f"f{number}", "type": one} for number, one in enumerate(types)]
    assert refused(parse, registered({"type": "record", "name": "All", "fields": fields})) == "bad_schema"
    fields = fields[:2]
    assert parse(registered({"type": "record", "name": "All", "fields": fields})).type.height == 54


def test_a_schema_of_another_type_is_refused_by_its_name():
    with pytest.raises(Rejected, match="PROTOBUF") as caught:
        parse(RegisteredSchema("PROTOBUF", 'syntax = "proto3";'))
    assert caught.value.code == "bad_schema"


ARTICLE = parse(registered(VALUE))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x01",
        b"{}",
        b"\x00",
        b"\x01\x00\x00\x00\x01\x00",
        b"\x00\x00\x00\x00\x00\x00",
        b'{"id": 1}',
        b"\x00\xff\xff\xff\xff\x00",
    ],
)
def test_a_value_that_is_not_in_the_wire_format_is_refused(data):
    assert refused(from_avro, record(data), {1: ARTICLE}) == "not_avro"
    assert schema_ids(SOURCE, record(data)) == ()


@pytest.mark.parametrize(
    "data", [b"", b"\x02", b"\x02\x02", b"\x02\x09", b"\x02\x00\x00", b"\x02\x02\xff\xff\x7f"]
)
def test_data_that_do_not_fit_their_schema_are_refused(data):
    assert refused(decoded, ARTICLE, data) == "not_avro"


def test_text_that_is_not_utf_8_or_holds_half_a_surrogate_pair_is_refused():
    for text in (b"\xff", b"\xed\xa0\x80"):
        assert refused(decoded, ARTICLE, b"\x02\x02" + bytes([2 * len(text)]) + text) == "not_avro"


def test_a_schema_that_is_not_fetched_is_no_fault_of_the_record():
    with pytest.raises(Retryable):
        from_avro(record(b"\x00\x00\x00\x00\x05\x02\x00"), {1: ARTICLE})


@given(data=st.binary(max_size=200), which=st.sampled_from([VALUE, ENVELOPE, KEY, "string", nested(20)]))
def test_no_bytes_make_decoding_raise_anything_else(data, which):
    with contextlib.suppress(Rejected):
        json.dumps(decoded(parse(registered(which)), data), allow_nan=False)
