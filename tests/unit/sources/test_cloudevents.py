"""CloudEvents, structured and binary: which row they are about, when, and whether it is gone."""

import base64
import json

import pytest

from streams.errors import Rejected
from streams.messages.changes import Ignored
from streams.messages.records import Record
from streams.ports import RegisteredSchema
from streams.sources import Source, decode, schema_ids
from streams.sources.avro import parse

TIME = "2026-11-22T10:00:00.123456Z"
NANOSECONDS = 1_795_341_600_123_456_000
ATTRIBUTES = {
    "specversion": "1.0",
    "id": "e-1",
    "source": "/shop",
    "type": "org.example.article.changed",
    "subject": "articles/1",
    "time": TIME,
}
ROW = {"id": 1, "body": "Hello."}
SCHEMA = {
    "type": "record",
    "name": "Article",
    "fields": [{"name": "id", "type": "long"}, {"name": "body", "type": "string"}],
}
SCHEMAS = {9: parse(RegisteredSchema("AVRO", json.dumps(SCHEMA)))}
AVRO = b"\x00\x00\x00\x00\x09" + b"\x02" + b"\x0cHello."


def source(**fields):
    return Source("e", format="cloudevents", **({"id": "article-{id}", "text": "{body}"} | fields))


def structured(*, key=None, headers=(), of=None, **event):
    value = json.dumps(ATTRIBUTES | {"data": ROW} | event).encode()
    return decode(of or source(), Record("e", 0, 7, 1_000, key, value, tuple(headers)), max_bytes=1 << 20)


def binary(value=None, *, key=None, of=None, schemas=None, **attributes):
    raw = value if isinstance(value, bytes | None) else json.dumps(value).encode()
    named = {f"ce_{name}": one for name, one in (ATTRIBUTES | attributes).items() if one is not None}
    headers = [("content-type", b"application/json"), *((name, one.encode()) for name, one in named.items())]
    record = Record("e", 0, 7, 1_000, key, raw, tuple(headers))
    return decode(of or source(), record, max_bytes=1 << 20, schemas=schemas or {})


def code(call, *args, **kwargs):
    with pytest.raises(Rejected) as caught:
        call(*args, **kwargs)
    return caught.value.code


def test_an_event_says_the_same_in_either_mode():
    (one,), (other,) = structured(), binary(ROW)
    assert one == other
    assert (one.document.id, one.document.text, one.time) == ("article-1", "Hello.", NANOSECONDS)
    assert one.record_key == '{"subject":"articles/1"}'


def test_the_records_key_names_the_row_before_the_subject_does():
    (one,) = binary(ROW, key=b"row-1")
    assert one.record_key == '{"":"row-1"}'
    (one,) = binary(ROW, of=source(key=("id",)))
    assert one.record_key == '{"id":"1"}'
    assert code(binary, ROW, subject=None) == "key_missing"


@pytest.mark.parametrize(
    "kind",
    ["org.example.article.deleted", "org.example.article.deleted.v2", "Microsoft.Storage.BlobDeleted"],
)
def test_an_event_of_a_type_that_says_deleted_deletes_whatever_its_data(kind):
    (deleted,) = binary(ROW, type=kind)
    assert deleted.document is None
    assert (deleted.key, deleted.time) == (binary(ROW)[0].key, NANOSECONDS)


@pytest.mark.parametrize("kind", ["org.example.article.undeleted", "org.example.deleted.article.changed"])
def test_a_type_that_only_mentions_deletion_deletes_nothing(kind):
    assert binary(ROW, type=kind)[0].document is not None


def test_the_source_says_which_types_delete():
    of = source(delete_types=("*.withdrawn",))
    assert binary(ROW, type="org.example.withdrawn", of=of)[0].document is None
    assert binary(ROW, type="org.example.deleted", of=of)[0].document is not None


def test_an_event_without_data_deletes_and_so_does_a_tombstone():
    assert binary(None)[0].document is None
    assert structured(data=None)[0].document is None
    assert decode(source(), Record("e", 0, 7, 1_000, b"row-1", None), max_bytes=1 << 20)[0].document is None


def test_data_may_be_in_base64():
    assert (
        structured(data=None, data_base64=base64.b64encode(json.dumps(ROW).encode()).decode()) == structured()
    )


def test_a_time_with_an_offset_is_the_same_moment():
    assert structured(time="2026-11-22T12:00:00.123456+02:00")[0].time == NANOSECONDS
    assert structured(time="yesterday")[0].time is None
    assert structured(time=None)[0].time is None


DEBEZIUM = {
    "id": "name:test_server;lsn:29274832;txId:565",
    "source": "/debezium/postgresql/test_server",
    "type": "io.debezium.connector.postgresql.DataChangeEvent",
    "iodebeziumconnector": "postgresql",
    "iodebeziumtsms": "1578923739738",
    "iodebeziumlsn": "29274832",
    "iodebeziumsnapshot": "false",
    "subject": None,
}


def test_debeziums_event_has_its_operation_and_its_order_in_attributes():
    data = {"before": ROW, "after": ROW | {"body": "New."}}
    (one,) = structured(key=b'{"id":1}', data=data, iodebeziumop="u", **DEBEZIUM)
    assert (one.document.text, one.time, one.order) == ("New.", 1_578_923_739_738_000_000, 29_274_832)
    attributes = {name: value for name, value in DEBEZIUM.items() if value is not None}
    (other,) = binary(data, key=b'{"id":1}', **(attributes | {"subject": None, "iodebeziumop": "u"}))
    assert one == other


def test_debeziums_event_may_be_a_deletion_or_a_snapshot():
    (one,) = structured(key=b'{"id":1}', data={"before": ROW, "after": None}, iodebeziumop="d", **DEBEZIUM)
    assert one.document is None
    (one,) = structured(key=b'{"id":1}', data={"before": None, "after": ROW}, iodebeziumop="r", **DEBEZIUM)
    assert one.document.text == "Hello."


def test_a_whole_envelope_may_be_the_data():
    envelope = {"op": "c", "before": None, "after": ROW, "source": {"ts_ms": 1_578_923_739_738}}
    (one,) = structured(key=b'{"id":1}', data=envelope)
    assert (one.document.text, one.time) == ("Hello.", 1_578_923_739_738_000_000)


class TestAvro:
    of = source(encoding="avro", schema_registry="http://registry")

    def test_the_data_of_a_binary_event(self):
        assert binary(AVRO, of=self.of, schemas=SCHEMAS) == binary(ROW)

    def test_the_data_of_an_event_in_json(self):
        event = ATTRIBUTES | {"datacontenttype": "application/avro", "data": base64.b64encode(AVRO).decode()}
        record = Record("e", 0, 7, 1_000, None, json.dumps(event).encode())
        assert schema_ids(self.of, record) == (9,)
        assert decode(self.of, record, max_bytes=1 << 20, schemas=SCHEMAS) == binary(ROW)

    def test_a_structured_event_of_which_all_is_avro(self):
        schema = {
            "type": "record",
            "name": "Event",
            "fields": [{"name": name, "type": "string"} for name in ATTRIBUTES]
            + [{"name": "data", "type": ["null", SCHEMA]}],
        }
        body = b"".join(bytes([2 * len(value)]) + value.encode() for value in ATTRIBUTES.values())
        record = Record("e", 0, 7, 1_000, None, AVRO[:5] + body + b"\x02" + AVRO[5:])
        schemas = {9: parse(RegisteredSchema("AVRO", json.dumps(schema)))}
        assert decode(self.of, record, max_bytes=1 << 20, schemas=schemas) == binary(ROW)

    def test_avro_where_the_source_says_json_is_refused_with_what_to_change(self):
        with pytest.raises(Rejected, match="the source's encoding") as caught:
            structured(datacontenttype="application/avro", data=base64.b64encode(AVRO).decode())
        assert caught.value.code == "not_cloudevent"


@pytest.mark.parametrize(
    "event",
    [
        {"specversion": None},
        {"specversion": "0.1"},
        {"specversion": 1.0},
        {"id": ""},
        {"type": None},
        {"source": 7},
        {"data": "text"},
        {"data": [1]},
        {"data": None, "data_base64": "!"},
    ],
)
def test_what_is_no_event_with_a_row_is_refused(event):
    assert code(structured, **event) == "not_cloudevent"


def test_a_value_that_is_no_object_is_refused():
    record = Record("e", 0, 7, 1_000, b"k", b"[]")
    assert code(decode, source(), record, max_bytes=1 << 20) == "not_cloudevent"
    assert Ignored("x") != record
