"""Maxwell's records: what each kind says, when it was, and of which row."""

import json
from datetime import UTC, datetime

import pytest

from streams.errors import Rejected
from streams.messages.changes import Change, Ignored, Incomplete, Truncation
from streams.messages.records import Record
from streams.sources import Source, decode
from tests.unit.indexing.memory_store import MemoryStore
from tests.unit.indexing.shelf import Shelf

TS = 1_477_053_234
INSERT = {
    "database": "shop",
    "table": "articles",
    "type": "insert",
    "ts": TS,
    "xid": 23396,
    "data": {"id": 1, "lang": "en", "body": "Hello."},
    "primary_key_columns": ["id"],
}


def source(**fields):
    return Source("m", format="maxwell", **({"id": "{id}", "text": "{body}"} | fields))


def said(value, *, key=None, of=None):
    raw = None if value is None else json.dumps(value).encode()
    return decode(of or source(), Record("m", 0, 7, 1_000, key, raw), max_bytes=1 << 20)


def change(value, **more):
    (only,) = said(value, **more)
    assert isinstance(only, Change)
    return only


def code(value, **more):
    with pytest.raises(Rejected) as caught:
        said(value, **more)
    return caught.value.code


def test_an_insert_is_the_row_as_it_is_now():
    one = change(INSERT)
    assert (one.document.id, one.document.text) == ("1", "Hello.")
    assert one.time == TS * 10**9
    assert one.changed_at == datetime.fromtimestamp(TS, UTC)


@pytest.mark.parametrize("text", ["{body}", "{body?}"])
def test_what_an_update_leaves_out_is_as_it_was(text):
    """As with binlog_row_image=NOBLOB, which a session may set."""
    titled = source(text=text, title="{title}")
    row = INSERT["data"] | {"title": "Old"}
    update = INSERT | {"type": "update", "data": {"id": 1, "title": "New"}, "old": {"title": "Old"}}
    partial = change(update, of=titled).document
    assert isinstance(partial, Incomplete)
    filled = partial.fill(change(INSERT | {"data": row}, of=titled).row).document
    assert (filled.title, filled.text) == ("New", "Hello.")


def test_a_column_that_no_row_has_is_asked_of_the_database_by_name():
    update = INSERT | {"type": "update", "data": {"id": 1}, "old": {"title": "Old"}}
    with pytest.raises(Rejected, match=r"body.*binlog_row_image=FULL") as caught:
        change(update).document.fill({"id": 1})
    assert caught.value.code == "unavailable_value"


def test_an_optional_null_that_no_record_of_the_row_has_stays_one():
    """As with output_nulls=false."""
    of = source(text="{body} {lang?}", metadata=("place.name?",))
    row = change(INSERT | {"data": {"id": 1, "body": "Hi."}}, of=of).row
    update = INSERT | {"type": "update", "data": {"id": 1, "body": "Ho."}, "old": {"body": "Hi."}}
    assert change(update, of=of).document.fill(row).document.text == "Ho. "
    with pytest.raises(Rejected, match="leaves out lang, place,"):
        change(update, of=of).document.fill({"id": 1, "body": "Hi."})


def test_a_null_that_is_left_out_is_one_where_it_changed():
    """As with output_nulls=false."""
    update = INSERT | {"type": "update", "data": {"id": 1, "lang": "en"}, "old": {"body": "Hello."}}
    assert change(update, of=source(text="{lang} {body?}")).document.text == "en "


def test_a_row_is_deleted_under_the_key_that_it_was_inserted_with():
    deletion = change(INSERT | {"type": "delete"})
    assert deletion.document is None
    assert deletion.document_id == "1"
    assert deletion.key == change(INSERT).key


def test_a_tombstone_deletes_the_row_that_its_key_names_in_either_form():
    key = change(INSERT).key
    assert change(None, key=b'{"database":"shop","table":"articles","pk.id":1}').key == key
    assert change(None, key=b'["shop","articles",[{"id":1}]]').key == key


def test_the_key_columns_come_from_the_record_key_where_the_value_does_not_name_them():
    value = {name: one for name, one in INSERT.items() if name != "primary_key_columns"}
    assert change(value, key=b'{"database":"shop","table":"articles","pk.id":1}').key == change(INSERT).key
    assert code(value) == "key_missing"
    assert change(value, of=source(key=("id", "lang"))).record_key == '{"id":"1","lang":"en"}'


def test_an_update_of_the_key_deletes_the_old_row_and_writes_the_new_one():
    update = INSERT | {"type": "update", "data": INSERT["data"] | {"id": 2}, "old": {"id": 1}}
    old, new = said(update, key=b'["shop","articles",[{"id":2}]]')
    assert (old.document, old.key) == (None, change(INSERT).key)
    assert (new.document.id, new.time) == ("2", old.time)
    old, new = said(update, key=b'["shop","articles",[{"id":2}]]', of=source(key=("id",)))
    assert (old.record_key, new.record_key) == ('{"id":"1"}', '{"id":"2"}')


def test_an_update_of_other_columns_is_one_change():
    update = INSERT | {"type": "update", "old": {"body": "Hi.", "id": 1}}
    assert change(update).document.text == "Hello."


def test_a_row_of_another_table_is_another_document():
    assert change(INSERT).key != change(INSERT | {"table": "users", "type": "delete"}).key


@pytest.mark.parametrize("table", ["shop.articles", "*.articles", "shop.*"])
def test_only_rows_of_the_tables_that_the_source_names_are_read(table):
    assert change(INSERT, of=source(table=table)).document is not None
    assert said(INSERT | {"database": "x", "table": "y"}, of=source(table=table)) == (Ignored("other_table"),)


def test_its_time_is_when_the_statement_began():
    assert change(INSERT | {"position": "master.000009:800911"}).early


def test_positions_in_the_binlog_order_changes_of_one_second():
    first, second, third = (
        change(INSERT | {"position": position})
        for position in ("master.000009:800911", "master.000009:800912", "master.000010:4")
    )
    assert first.order < second.order < third.order


def test_a_transaction_number_orders_nothing_as_a_later_commit_may_have_a_lower_one():
    assert change(INSERT | {"xid": 5, "xoffset": 2}).order is None


def test_a_bootstrapped_row_has_no_time_as_it_may_have_been_read_before_a_change_that_is_still_to_come():
    one = change(INSERT | {"type": "bootstrap-insert"})
    assert (one.time, one.order, one.changed_at) == (None, None, None)
    assert one.document is not None
    assert one.key == change(INSERT).key


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("bootstrap-start", "bootstrap"),
        ("bootstrap-complete", "bootstrap"),
        ("table-create", "schema_change"),
        ("table-alter", "schema_change"),
        ("table-drop", "schema_change"),
        ("database-drop", "schema_change"),
    ],
)
def test_what_is_no_row_is_ignored_by_name(kind, reason):
    assert said({"type": kind, "database": "shop", "table": "articles", "ts": TS}) == (Ignored(reason),)


def test_a_drop_of_the_very_table_that_the_source_names_is_a_truncation():
    drop = {"type": "table-drop", "database": "shop", "table": "articles", "ts": TS * 1000}
    assert code(drop, of=source(table="shop.articles")) == "truncate"
    (truncation,) = said(drop, of=source(table="shop.articles", on_truncate="delete"))
    assert isinstance(truncation, Truncation)
    assert (truncation.time, truncation.source) == (TS * 10**9, "m")


@pytest.mark.parametrize("table", ["shop.articles", "shop.*"])
def test_a_drop_of_the_database_drops_all_that_the_source_has_of_it(table):
    drop = {"type": "database-drop", "database": "shop", "ts": TS * 1000}
    of = source(table=table, on_truncate="delete")
    assert isinstance(said(drop, of=of)[0], Truncation)
    assert said(drop | {"database": "other"}, of=of) == (Ignored("schema_change"),)


async def test_a_dropped_tables_rows_of_the_same_second_are_gone_and_those_of_a_new_table_stay():
    of = source(table="shop.articles", on_truncate="delete")
    drop = {"type": "table-drop", "database": "shop", "table": "articles", "ts": TS * 1000}
    shelf = Shelf(MemoryStore())
    for offset, value in enumerate(
        [
            INSERT | {"position": "master.000009:100"},
            drop | {"position": "master.000009:200"},
            INSERT | {"position": "master.000009:300", "data": INSERT["data"] | {"id": 2}},
        ]
    ):
        record = Record("m", 0, offset, 1_000, None, json.dumps(value).encode())
        await shelf.apply(*decode(of, record, max_bytes=1 << 20))
    assert [json.loads(key)["id"] for key in await shelf.shown()] == ["2"]


@pytest.mark.parametrize(
    "value",
    [
        [],
        "text",
        {},
        {"type": 1},
        {"type": "merge", "data": {"id": 1}},
        {"type": "insert"},
        {"type": "insert", "data": {}},
        {"type": "insert", "data": []},
        {"type": "insert", "encrypted": {"data": "…", "iv": "…"}},
    ],
)
def test_a_record_that_is_none_of_maxwells_is_refused(value):
    assert code(value) == "not_maxwell"


@pytest.mark.parametrize("ts", [None, "1", 0, -1, True, 1.5, 10**30])
def test_a_time_that_is_none_leaves_the_order_to_the_topic(ts):
    assert (change(INSERT | {"ts": ts}).time, change(INSERT | {"ts": ts}).changed_at) == (None, None)
