"""Change events as real systems and their documentation wrote them: each gets the outcome that it should.

The records are in `STREAMS_TEST_DATA` (default `../shared/data`), `cdc/events.jsonl`, from debezium/debezium
and apache/paimon (Apache-2.0). The outcomes are listed in docs/reference/change-formats.md.
"""

import json
import os
from collections import Counter
from pathlib import Path

import pytest

from streams.errors import Rejected
from streams.messages.changes import Document, Ignored, Truncation
from streams.messages.records import Record
from streams.sources import Source, decode

PATH = Path(os.environ.get("STREAMS_TEST_DATA", "../shared/data")) / "cdc" / "events.jsonl"
EVENTS = [json.loads(line) for line in PATH.read_text().splitlines()] if PATH.exists() else []
DEBEZIUM = [
    event for event in EVENTS if event["format"].startswith("debezium") and event["kind"] != "cloudevent"
]

pytestmark = pytest.mark.skipif(not EVENTS, reason=f"{PATH} is not there: set STREAMS_TEST_DATA")


TABLES = [
    *(("id", "first_name"), ("ID", "FIRST_NAME"), ("_id", "first_name"), ("ID", "NAME")),
    *(("pk", "aa"), ("pk", "value"), ("id", "customer_name"), ("id", "item"), ("field1", "field2")),
    ("ID", "first_name"),  # one row in capitals and small letters
]
"""Key column and text column of the tables that the records are of."""

# Where a kind's records are all alike. Names are as in docs/reference/change-formats.md.
BY_KIND = {
    "dbz_c": "written",
    "dbz_c+schema": "written",
    "dbz_d": "gone",
    "dbz_d+schema": "gone",
    "dbz_d+schema/both-null": "gone",
    "dbz_flattened": "unmapped",
    "dbz_key": "gone",
    "dbz_m": "message",
    "dbz_m+schema": "message",
    "dbz_notification": "notification",
    "dbz_r": "written",
    "dbz_r+schema": "written",
    "dbz_schema_change+schema": "schema_change",
    "dbz_signal": "signal",
    "dbz_t+schema": "truncate",
    "dbz_transaction_metadata": "transaction",
    "dbz_u": "written",
    "dbz_u+schema": "written",
    "dbz_u+schema/before-null": "written",
    "dbz_u/before-null": "incomplete",
    "embedded_source_record": "unmapped",
    "other": "unmapped",
}
# Records that are unlike the others of their kind, and why.
BY_RECORD = {
    # the documentation shows an empty object where the key's columns are
    **dict.fromkeys(
        ("cdc-0333", "cdc-0334", "cdc-0346", "cdc-0356", "cdc-0374", "cdc-0401", "cdc-0408", "cdc-0409"),
        "key_missing",
    ),
    **dict.fromkeys(("cdc-0416", "cdc-0430", "cdc-0492"), "key_missing"),
    # a tombstone's value with its schema, both null, in the place of a key
    "cdc-0502": "key_missing",
    # rows that were flattened
    **dict.fromkeys(("cdc-0375", "cdc-0377", "cdc-0460", "cdc-0465", "cdc-0513"), "written"),
    # a signal that the collection did not see as one
    "cdc-0383": "signal",
    # an envelope without `op`
    **dict.fromkeys(("cdc-0478", "cdc-0479", "cdc-0480", "cdc-0481"), "not_debezium"),
}


def image(value):
    """The columns of a row, wherever an event has them."""
    value = value.get("payload", value) if isinstance(value, dict) else {}
    row = (value or {}).get("after") or (value or {}).get("before") or value or {}
    return json.loads(row) if isinstance(row, str) else row


def columns_of(event):
    """Key column and text column of the table that the record is of."""
    return next((pair for pair in TABLES if set(pair) <= image(event["value"]).keys()), TABLES[0])


def record_of(event):
    """The record, with the key that its connector would have given it, where it is not a key itself."""
    text = json.dumps(event["value"]).encode()
    if event["kind"] == "dbz_key":
        return Record("t", 0, 7, 1_700_000_000_000, text, None)
    key = columns_of(event)[0]
    return Record(
        "t", 0, 7, 1_700_000_000_000, json.dumps({key: image(event["value"]).get(key, 1)}).encode(), text
    )


def said(event, **fields):
    key, text = columns_of(event)
    source = Source("t", format="debezium", id=f"{{{key}}}", text=f"{{{text}}}", **fields)
    return decode(source, record_of(event), max_bytes=1_000_000)


def outcome(event):
    try:
        changes = said(event)
    except Rejected as rejected:
        return rejected.code
    if isinstance(changes[0], Ignored):
        return changes[0].reason
    if changes[0].document is None:
        return "gone"
    return "written" if isinstance(changes[0].document, Document) else "incomplete"


def expected(event):
    return BY_RECORD.get(event["id"], BY_KIND[event["kind"]])


def each(events):
    return pytest.mark.parametrize("event", events, ids=lambda event: f"{event['id']}-{event['kind']}")


@each(DEBEZIUM)
def test_a_record_of_debezium_gets_the_outcome_that_it_should(event):
    assert outcome(event) == expected(event)


@each([event for event in DEBEZIUM if expected(event) == "written"])
def test_a_row_that_is_written_is_the_row_as_it_is_now(event):
    (change,) = said(event)
    now = image(event["value"])
    key, text = (now[column] for column in columns_of(event))
    if isinstance(key, dict):  # Cassandra's cells, MongoDB's numbers
        key, text = (
            one.get("value", one.get("$numberLong")) if isinstance(one, dict) else one for one in (key, text)
        )
    assert (change.document.id, change.document.text) == (str(key), str(text))


@each([event for event in DEBEZIUM if expected(event) == "truncate"])
def test_a_truncate_deletes_where_it_may(event):
    with pytest.raises(Rejected):
        said(event, on_truncate="delete")  # the topic `t` may have other tables
    info = event["value"]["payload"]["source"]
    table = f"{info.get('schema') or info['db']}.{info['table']}"
    (truncation,) = said(event, on_truncate="delete", table=table)
    assert isinstance(truncation, Truncation)
    assert truncation.time is not None


def test_there_are_as_many_records_as_were_looked_at():
    assert Counter(event["format"] for event in EVENTS) == {
        "debezium-docs": 169,
        "debezium-tests": 68,
        "canal": 120,
        "maxwell": 38,
    }
