"""Whatever is on a topic: no record makes a format raise anything but `Rejected`, and no text is changed."""

import contextlib
import io
import json
import os
from pathlib import Path

import fastavro
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from streams.errors import Rejected
from streams.messages.changes import Change, Document, Ignored, Truncation
from streams.messages.records import Record
from streams.ports import RegisteredSchema
from streams.sources import Source, decode, schema_ids
from streams.sources.avro import parse

NAUGHTY = Path(os.environ.get("STREAMS_TEST_DATA", "../shared/data")) / "naughty" / "blns.json"
ROWS = {"id": "{id}", "text": "{body}", "title": "{title?}", "metadata": ("tag?",)}
FORMATS = ("debezium", "cloudevents", "maxwell", "canal", "json")
SOURCES = {name: Source("t", format=name, on_truncate="delete", **ROWS) for name in FORMATS}
SOURCES["native"] = Source("t")
EVENT = {"specversion": "1.0", "id": "1", "source": "/s", "type": "changed", "subject": "1"}


def record(value, key=b'{"id":1}', headers=()):
    return Record("t", 0, 7, 1_700_000_000_000, key, value, tuple(headers))


def said(name, value, **more):
    return decode(SOURCES[name], record(value, **more), max_bytes=16 << 20)


def in_format(name, row):
    """A record's value that says that `row` was written; `"HERE"` in a row stands for raw JSON."""
    return {
        "debezium": {"op": "c", "before": None, "after": row, "source": {"ts_ms": 1}},
        "cloudevents": EVENT | {"data": row},
        "maxwell": {
            "type": "insert",
            "database": "d",
            "table": "t",
            "ts": 1,
            "data": row,
            "primary_key_columns": ["id"],
        },
        "canal": {"type": "INSERT", "database": "d", "table": "t", "es": 1, "data": [row], "pkNames": ["id"]},
        "json": row,
        "native": {"id": "1", "text": row["body"]},
    }[name]


def with_raw(name, raw):
    """The record's bytes with these in the place of the text, quotes and all."""
    return json.dumps(in_format(name, {"id": 1, "body": "HERE"})).encode().replace(b'"HERE"', raw)


def key_of(name):
    return b"default/1" if name == "native" else b'{"id":1}'


@pytest.mark.parametrize("name", SOURCES)
def test_a_naughty_text_is_the_documents_text_as_it_is(name):
    if not NAUGHTY.exists():
        pytest.skip(f"{NAUGHTY} is not there: set STREAMS_TEST_DATA")
    for text in filter(None, json.loads(NAUGHTY.read_text())):
        value = json.dumps(in_format(name, {"id": 1, "body": text}), ensure_ascii=False).encode()
        (change,) = said(name, value, key=key_of(name))
        assert change.document.text == text


HOSTILE = {
    "invalid UTF-8": (b'"\xff\xfe"', "not_utf8"),
    "an overlong zero": (b'"\xc0\x80"', "not_utf8"),
    "a raw surrogate": (b'"\xed\xa0\x80"', "not_utf8"),
    "an escaped surrogate": (b'"\\ud800"', "not_utf8"),
    "halves the wrong way round": (b'"\\udc00\\ud800"', "not_utf8"),
    "NaN": (b"NaN", "not_json"),
    "Infinity": (b"-Infinity", "not_json"),
    "a number too large": (b"1e999", "not_json"),
    "a number too long": (b"9" * 10_000, "not_json"),
    "10,000 lists": (b"[" * 10_000 + b"]" * 10_000, "too_deep"),
    "10,000 objects": (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "too_deep"),
    "200 lists": (b"[" * 200 + b"]" * 200, "too_deep"),
    "a name twice": (b'{"a":1,"a":2}', "not_json"),
    "the end": (b'"', "not_json"),
    "a byte of zero": (b'"\x00"', "not_json"),
}


@pytest.mark.parametrize("what", HOSTILE)
@pytest.mark.parametrize("name", SOURCES)
def test_what_is_no_json_is_refused_by_what_is_wrong_with_it(name, what):
    raw, code = HOSTILE[what]
    with pytest.raises(Rejected) as caught:
        said(name, with_raw(name, raw), key=key_of(name))
    assert caught.value.code == code


@pytest.mark.parametrize("name", ["debezium", "json"])
def test_a_key_that_is_no_json_is_text(name):
    for raw, _ in HOSTILE.values():
        with contextlib.suppress(Rejected):
            (change,) = said(name, json.dumps(in_format(name, {"id": 1, "body": "b"})).encode(), key=raw)
            change.record_key.encode()


@pytest.mark.parametrize("name", FORMATS)
def test_an_escaped_zero_is_text(name):
    (change,) = said(name, with_raw(name, b'"a\\u0000b"'))
    assert change.document.text == "a\x00b"


def test_json_in_the_text_of_a_column_is_no_way_in():
    """MongoDB's documents, and columns that templates look into, are JSON as text."""
    for raw, _ in HOSTILE.values():
        inner = raw.decode("utf-8", "replace")
        event = {
            "op": "c",
            "after": '{"id": 1, "body": ' + inner + "}",
            "source": {"ts_ms": 1, "connector": "mongodb"},
        }
        with contextlib.suppress(Rejected):
            said("debezium", json.dumps(event).encode())
        source = Source("t", format="json", id="{id}", text="{body.a.b}")
        with contextlib.suppress(Rejected):
            decode(
                source, record(json.dumps({"id": 1, "body": '{"a": ' + inner}).encode()), max_bytes=1 << 20
            )


WORDS = (
    *(
        "op",
        "before",
        "after",
        "source",
        "ts_ms",
        "ts_ns",
        "lsn",
        "snapshot",
        "payload",
        "schema",
        "type",
        "fields",
    ),
    *("data", "old", "es", "ts", "pkNames", "mysqlType", "database", "table", "isDdl", "primary_key_columns"),
    *(
        "position",
        "xid",
        "specversion",
        "id",
        "subject",
        "time",
        "data_base64",
        "iodebeziumop",
        "datacontenttype",
    ),
    *(
        "body",
        "title",
        "tag",
        "__deleted",
        "__op",
        "databaseName",
        "ddl",
        "status",
        "connector",
        "field",
        "name",
    ),
)
VALUES = (
    *("c", "u", "d", "r", "t", "m", "insert", "update", "delete", "table-drop", "bootstrap-insert", "INSERT"),
    *(
        "UPDATE",
        "DELETE",
        "TRUNCATE",
        "ERASE",
        "ALTER",
        "1.0",
        "true",
        "id",
        "int",
        "enum('a')",
        "struct",
        "1",
    ),
    *(
        "mongodb",
        "cassandra",
        "org.apache.kafka.connect.data.Decimal",
        "io.debezium.time.Date",
        "AAAA",
        "x.1:2",
    ),
)
NAMES = st.sampled_from(WORDS) | st.text(max_size=3)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**80), 2**80)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(VALUES)
    | st.text(max_size=8)
)
JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=8),
    max_leaves=30,
)
EVENTS = st.dictionaries(st.sampled_from(WORDS), JSON, max_size=12)
HEADERS = st.lists(
    st.tuples(
        st.sampled_from(
            ("ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time", "content-type", "__op")
        )
        | st.text(max_size=4),
        st.none() | st.sampled_from((b"1.0", b"application/cloudevents+json", b"d")) | st.binary(max_size=8),
    ),
    max_size=6,
)
KEYS = st.none() | st.binary(max_size=12) | JSON.map(lambda value: json.dumps(value).encode())


@pytest.mark.parametrize("name", SOURCES)
@given(
    value=st.none() | st.binary(max_size=60) | (JSON | EVENTS).map(lambda value: json.dumps(value).encode()),
    key=KEYS,
    headers=HEADERS,
    columns=st.sampled_from(((), ("id",), ("id", "body"))),
)
@example(
    value=b'{"type":"INSERT","data":[{}],"pkNames":[""],"mysqlType":{}}', key=None, headers=[], columns=()
)
def test_no_record_of_any_shape_makes_a_format_raise_anything_else(name, value, key, headers, columns):
    source = SOURCES[name] if name == "native" else Source("t", format=name, key=columns, **ROWS)
    try:
        changes = decode(source, record(value, key, headers), max_bytes=1 << 20)
    except Rejected as rejected:
        rejected.code.encode()
        str(rejected).encode()
    else:
        for change in changes:
            assert isinstance(change, Change | Ignored | Truncation)
            if isinstance(change, Change) and isinstance(change.document, Document):
                change.record_key.encode()
                json.dumps(change.row, allow_nan=False).encode()


ROW = {
    "type": "record",
    "name": "Row",
    "fields": [
        {"name": "id", "type": "long"},
        {"name": "body", "type": ["null", "string", {"type": "map", "values": ["null", "double", "bytes"]}]},
        {"name": "price", "type": ["null", {"type": "bytes", "logicalType": "decimal", "scale": 2}]},
        {"name": "day", "type": ["null", {"type": "int", "logicalType": "date"}]},
    ],
}
SCHEMAS = {1: parse(RegisteredSchema("AVRO", json.dumps(ROW)))}


def avro(row):
    out = io.BytesIO()
    bare = json.loads(json.dumps(ROW).replace("logicalType", "was"))
    fastavro.schemaless_writer(out, fastavro.parse_schema(bare), row)
    return b"\x00\x00\x00\x00\x01" + out.getvalue()


def test_a_naughty_text_in_avro_is_the_documents_text_as_it_is():
    if not NAUGHTY.exists():
        pytest.skip(f"{NAUGHTY} is not there: set STREAMS_TEST_DATA")
    source = Source("t", format="json", encoding="avro", schema_registry="http://r", id="{id}", text="{body}")
    for text in filter(None, json.loads(NAUGHTY.read_text())):
        value = avro({"id": 1, "body": text, "price": None, "day": None})
        (change,) = decode(source, record(value), max_bytes=1 << 20, schemas=SCHEMAS)
        assert change.document.text == text


@pytest.mark.parametrize("name", FORMATS)
@given(
    value=st.binary(max_size=40).map(lambda body: b"\x00\x00\x00\x00\x01" + body)
    | st.binary(max_size=60)
    | (JSON | EVENTS).map(lambda value: json.dumps(value).encode()),
    key=KEYS,
    headers=HEADERS,
)
def test_no_bytes_in_avro_make_a_format_raise_anything_else(name, value, key, headers):
    source = Source("t", format=name, encoding="avro", schema_registry="http://r", **ROWS)
    one = record(value, key, headers)
    schemas = dict.fromkeys(schema_ids(source, one), SCHEMAS[1])
    with contextlib.suppress(Rejected):
        decode(source, one, max_bytes=1 << 20, schemas=schemas)
