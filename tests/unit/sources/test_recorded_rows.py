"""Recorded events of Canal, Maxwell and CloudEvents: each gets the outcome that it should.

As in `test_recorded_events`; the outcomes are listed in docs/reference/change-formats.md.
"""

import json
import os
from collections import Counter
from pathlib import Path

import pytest

from streams.errors import Rejected
from streams.messages.changes import Document, Ignored
from streams.messages.records import Record
from streams.ports import RegisteredSchema
from streams.sources import Source, decode
from streams.sources.avro import parse

PATH = Path(os.environ.get("STREAMS_TEST_DATA", "../shared/data")) / "cdc" / "events.jsonl"
EVENTS = [json.loads(line) for line in PATH.read_text().splitlines()] if PATH.exists() else []

pytestmark = pytest.mark.skipif(not EVENTS, reason=f"{PATH} is not there: set STREAMS_TEST_DATA")

MYSQL = [event for event in EVENTS if event["format"] in ("canal", "maxwell")]
CLOUDEVENTS = [event for event in EVENTS if event["kind"] == "cloudevent"]

BY_KIND = {
    "canal_insert": "written",
    "canal_update": "written",
    "canal_delete": "gone",
    "canal_alter": "schema_change",
    "maxwell_insert": "written",
    "maxwell_update": "written",
    "maxwell_delete": "gone",
    # rows alone, without a table, key columns or types
    "other": "key_missing",
}
# The table has no primary key.
BY_RECORD = dict.fromkeys(("cdc-0235", "cdc-0236"), "key_missing")


def rows_of(value):
    data = value.get("data") or {}
    return data if isinstance(data, list) else [data]


def said(event, **fields):
    value = event["value"]
    columns = [name for name in rows_of(value)[0] if name.strip("_")[0].isalnum()] or ["id"]
    key = (value.get("pkNames") or value.get("primary_key_columns") or columns)[0]
    by_case = next((name for name in columns if name.lower() == key.lower()), columns[0])
    text = " ".join(f"{{{name}?}}" for name in columns)
    source = Source("t", format=event["format"], id=f"{{{by_case}}}", text=text, **fields)
    record = Record("t", 0, 7, 1_700_000_000_000, None, json.dumps(value).encode())
    return decode(source, record, max_bytes=1_000_000)


def outcome(event):
    try:
        changes = said(event)
    except Rejected as rejected:
        return rejected.code
    if isinstance(changes[0], Ignored):
        return changes[0].reason
    (kind,) = {"written" if isinstance(change.document, Document) else "gone" for change in changes}
    return kind


def each(events):
    return pytest.mark.parametrize("event", events, ids=lambda event: f"{event['id']}-{event['kind']}")


@each(MYSQL)
def test_a_record_gets_the_outcome_that_it_should(event):
    expected = BY_RECORD.get(event["id"], BY_KIND[event["kind"]])
    assert outcome(event) == expected
    if expected in ("written", "gone"):
        changes = said(event)
        assert len(changes) == len(rows_of(event["value"]))
        assert all(change.time is not None for change in changes)


@each([event for event in MYSQL if BY_RECORD.get(event["id"]) or event["kind"] == "other"])
def test_rows_of_a_table_without_a_key_are_written_where_the_source_names_one(event):
    (name, *_) = rows_of(event["value"])[0]
    (change,) = said(event, key=(name,))
    assert isinstance(change.document, Document)


def test_all_the_types_of_mysql_are_read():
    (event,) = [event for event in MYSQL if len(rows_of(event["value"])[0]) > 30]
    (first, second) = said(event)
    assert "12345.110" in first.document.text
    assert "value1" in first.document.text
    assert "a,b" in first.document.text
    assert "true" in first.document.text
    assert "false" in first.document.text
    assert second.document.id == "2"


ROW = {
    "type": "record",
    "name": "Value",
    "fields": [{"name": "pk", "type": "int"}, {"name": "aa", "type": ["null", "int"]}],
}
DATA = {
    "type": "record",
    "name": "Data",
    "fields": [{"name": "before", "type": ["null", ROW]}, {"name": "after", "type": ["null", "Value"]}],
}


@each(CLOUDEVENTS)
def test_an_event_of_debezium_in_a_cloudevent_is_written(event):
    """Both are of a snapshot, so without a time. The pages leave out the schema of the one in Avro."""
    avro = event["value"]["datacontenttype"] == "application/avro"
    fields = {"encoding": "avro", "schema_registry": "http://registry"} if avro else {}
    source = Source("t", format="cloudevents", id="{pk}", text="{name?}{aa?}", **fields)
    record = Record("t", 0, 7, 1_700_000_000_000, b'{"pk":1}', json.dumps(event["value"]).encode())
    schemas = {1: parse(RegisteredSchema("AVRO", json.dumps(DATA)))}
    (change,) = decode(source, record, max_bytes=1_000_000, schemas=schemas)
    assert (change.document.id, change.document.text, change.time) == ("1", "1" if avro else "Bob", None)


def test_there_are_as_many_records_as_were_looked_at():
    assert Counter(event["kind"] for event in MYSQL + CLOUDEVENTS) == {
        "canal_insert": 74,
        "canal_alter": 27,
        "canal_update": 13,
        "canal_delete": 3,
        "other": 3,
        "maxwell_insert": 36,
        "maxwell_update": 1,
        "maxwell_delete": 1,
        "cloudevent": 2,
    }
