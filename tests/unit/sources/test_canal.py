"""Canal's records: several rows in one, all values as text, old values of what changed."""

import base64
import json
from datetime import UTC, datetime

import pytest

from streams.errors import Rejected
from streams.indexing.plan import filled
from streams.messages.changes import Change, Ignored, Incomplete, Truncation
from streams.messages.records import Record
from streams.sources import Source, decode
from streams.sources.mysql_text import value_of

ES = 1_684_770_072_000
TYPES = {"id": "int", "body": "text", "price": "decimal(10,2)"}


def source(**fields):
    return Source("c", format="canal", **({"id": "{id}", "text": "{body}"} | fields))


def row(number, body="Hello.", **more):
    return {"id": str(number), "body": body} | more


def record(*rows, kind="INSERT", old=None, **more):
    value = {
        "type": kind,
        "database": "shop",
        "table": "articles",
        "es": ES,
        "id": 81,
        "isDdl": False,
        "pkNames": ["id"],
        "mysqlType": TYPES,
        "data": list(rows),
        "old": old,
    }
    return value | more


def said(value, *, of=None, key=None):
    raw = None if value is None else json.dumps(value).encode()
    return decode(of or source(), Record("c", 0, 7, 1_000, key, raw), max_bytes=1 << 20)


def code(value, **more):
    with pytest.raises(Rejected) as caught:
        said(value, **more)
    return caught.value.code


def test_each_row_of_a_record_is_a_change():
    changes = said(record(row(1), row(2), row(3)))
    assert [one.document.id for one in changes] == ["1", "2", "3"]
    assert {(one.time, one.changed_at) for one in changes} == {
        (ES * 10**6, datetime.fromtimestamp(ES / 1000, UTC))
    }


def test_of_several_rows_of_one_document_the_last_one_counts():
    changes = said(record(row(1, "first"), row(2), row(1, "last"), kind="UPDATE", old=[{"body": "a"}] * 3))
    assert [(one.document.id, one.document.text) for one in changes] == [("2", "Hello."), ("1", "last")]


def test_a_deletion_finds_the_row_that_was_inserted():
    (inserted,), (deleted,) = said(record(row(1))), said(record(row(1), kind="DELETE"))
    assert (deleted.document, deleted.key) == (None, inserted.key)


def test_rows_that_move_up_one_by_one_leave_nothing_behind():
    """As UPDATE … SET id = id + 1 ORDER BY id DESC writes it."""
    moved = said(record(row(3, "b"), row(2, "a"), kind="UPDATE", old=[{"id": "2"}, {"id": "1"}]))
    now = {one.record_key: one.document and one.document.text for one in moved}
    keys = [said(record(row(number)))[0].record_key for number in (1, 2, 3)]
    assert [now[key] for key in keys] == [None, "a", "b"]


def test_an_old_value_that_is_the_new_one_moves_nothing():
    (only,) = said(record(row(1, "new"), kind="UPDATE", old=[{"id": "1", "body": "old"}]))
    assert only.document.text == "new"


def test_mysql_takes_names_that_differ_in_case_for_the_same_column():
    (upper,) = said(record({"ID": "7", "body": "b"}, mysqlType={}), of=source(id="{ID}"))
    (lower,) = said(record({"id": "7", "body": "b"}))
    assert upper.key == lower.key


def test_the_sources_own_key_counts_before_the_formats():
    (only,) = said(
        record(row(1, slug="hello"), pkNames=["__#alibaba_rds_row_id#__"]), of=source(key=("slug",))
    )
    assert only.record_key == '{"slug":"hello"}'


def test_a_table_without_a_key_is_refused_until_the_source_names_one():
    assert code(record(row(1), pkNames=None)) == "key_missing"
    assert code(record(row(1), pkNames=[])) == "key_missing"
    assert code(record({"body": "b"})) == "key_missing"
    assert said(record(row(1), pkNames=None), of=source(key=("id",)))


def test_a_row_of_another_table_is_another_document_or_ignored():
    (article,), (user,) = said(record(row(1))), said(record(row(1), table="users", kind="DELETE"))
    assert article.key != user.key
    assert said(record(row(1), table="users"), of=source(table="shop.articles")) == (Ignored("other_table"),)


def test_one_row_that_cannot_be_mapped_does_not_take_the_others_along():
    good, bad = said(record(row(1), row(2, body=None)))
    assert good.document.id == "1"
    assert isinstance(bad.document, Incomplete)
    with pytest.raises(Rejected) as caught:
        filled(bad, None)
    assert caught.value.code == "unmapped"
    assert code(record(row(2, body=None))) == "unmapped"


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("ALTER", "schema_change"),
        ("CREATE", "schema_change"),
        ("ERASE", "schema_change"),
        ("QUERY", "schema_change"),
        ("RENAME", "schema_change"),
        ("GTID", "transaction"),
        ("MHEARTBEAT", "heartbeat"),
    ],
)
def test_what_is_no_row_is_ignored_by_name(kind, reason):
    assert said(record(kind=kind, data=None, isDdl=True)) == (Ignored(reason),)


def test_a_truncate_is_refused_or_drops_the_sources_documents():
    assert code(record(kind="TRUNCATE", data=None)) == "truncate"
    of = source(table="shop.articles", on_truncate="delete")
    (truncation,) = said(record(kind="TRUNCATE", data=None), of=of)
    assert isinstance(truncation, Truncation)
    assert truncation.time == ES * 10**6
    assert isinstance(said(record(kind="ERASE", data=None), of=of)[0], Truncation)
    assert said(record(kind="TRUNCATE", data=None, table="users"), of=of) == (Ignored("other_table"),)


@pytest.mark.parametrize(
    "value",
    [
        [],
        {},
        {"type": 1},
        record(kind="MERGE"),
        record(),
        record(data=None, sql="INSERT INTO …"),
        record(data=["text"]),
        record(data={}),
    ],
)
def test_a_record_that_is_none_of_canals_is_refused(value):
    assert code(value) == "not_canal"


def test_values_become_what_their_types_say():
    (one,) = said(record(row(1, price="1.20"), of := row(2)), of=source(metadata=("id", "price?")))[:1]
    assert one.document.metadata == ("id=1", "price=1.20")
    assert isinstance(one, Change)
    assert of["id"] == "2"


@pytest.mark.parametrize(
    ("text", "mysql_type", "value"),
    [
        ("-7", "INT", -7),
        ("1", "tinyint(1)", 1),
        ("20000000000", "BIGINT(16) unsigned zerofill", 20_000_000_000),
        ("2023", "YEAR", 2023),
        ("1.5", "FLOAT(4) unsigned zerofill", 1.5),
        ("1.000111", "double precision", 1.000111),
        ("1e999", "double", "1e999"),
        ("1", "BOOLEAN", True),
        ("12345.110", "NUMERIC(8,3)", "12345.110"),
        ("2023-03-23 14:30:05.123", "DATETIME(3)", "2023-03-23 14:30:05.123"),
        ("1", "ENUM('value1','it''s')", "value1"),
        ("2", "enum('value1','it''s')", "it's"),
        ("0", "enum('a')", ""),
        ("3", "enum('a')", "3"),
        ("a", "enum('a')", "a"),
        ("3", "SET('a','b','c')", "a,b"),
        ("0", "set('a')", ""),
        ("8", "set('a','b','c')", "8"),
        ("\x00\xff", "BLOB", base64.b64encode(b"\x00\xff").decode()),
        ("é→", "binary(3)", "é→"),
        ('{"a": 1}', "json", '{"a": 1}'),
        ("x", "int", "x"),
        ("٣", "int", "٣"),
        ("9" * 5000, "int", "9" * 5000),
        ("x", "", "x"),
        ("x", "(((", "x"),
        ("x", "frobnicate", "x"),
    ],
)
def test_a_value_as_text_becomes_what_it_is(text, mysql_type, value):
    got = value_of(text, mysql_type)
    assert (type(got), got) == (type(value), value)
