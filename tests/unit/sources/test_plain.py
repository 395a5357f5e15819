"""Plain rows in JSON."""

import json

import pytest

from streams.errors import Rejected
from streams.messages.records import Record
from streams.sources import Source, decode

SOURCE = Source("r", format="json", id="{id}", text="{body}")


def said(value, *, key=b'{"id":1}', of=SOURCE):
    raw = None if value is None else json.dumps(value).encode()
    return decode(of, Record("r", 0, 7, 1_000, key, raw), max_bytes=1 << 20)


def test_a_row_is_a_document_and_a_null_deletes_it():
    (row,), (gone,) = said({"id": 1, "body": "Hello."}), said(None)
    assert (row.document.text, row.time, row.order) == ("Hello.", None, None)
    assert (gone.document, gone.key, gone.document_id) == (None, row.key, "1")


def test_the_schema_of_kafka_connect_is_taken_off():
    schema = {
        "type": "struct",
        "fields": [{"field": "id", "type": "int32"}, {"field": "body", "type": "string"}],
    }
    assert said({"schema": schema, "payload": {"id": 1, "body": "Hello."}}) == said(
        {"id": 1, "body": "Hello."}
    )


@pytest.mark.parametrize("field", [{"__deleted": "true"}, {"__deleted": "false"}, {"__op": "d"}])
def test_a_row_that_debezium_flattened_is_refused_as_it_may_be_a_deletion_written_out(field):
    with pytest.raises(Rejected, match='format = "debezium"') as caught:
        said({"id": 1, "body": "what is gone"} | field)
    assert caught.value.code == "not_row"


@pytest.mark.parametrize("value", [[], "text", 7, True])
def test_a_value_that_is_no_row_is_refused(value):
    with pytest.raises(Rejected) as caught:
        said(value)
    assert caught.value.code == "not_row"


def test_a_record_without_a_key_needs_key_columns():
    with pytest.raises(Rejected) as caught:
        said({"id": 1, "body": "Hello."}, key=None)
    assert caught.value.code == "key_missing"
    of = Source("r", format="json", id="{id}", text="{body}", key=("id",))
    assert said({"id": 1, "body": "Hello."}, key=None, of=of)[0].record_key == '{"id":"1"}'
