"""One table of several is emptied: no other table's documents go with it, whatever the format."""

import json

import pytest

from streams.errors import Rejected
from streams.messages.changes import Change, Ignored, Truncation
from streams.messages.records import Record
from streams.sources import Source, decode


def debezium(table, op="t", **info):
    database, name = table.split(".")
    return {"op": op, "source": {"connector": "mysql", "db": database, "table": name, "ts_ms": 5} | info}


def canal(table):
    database, name = table.split(".")
    return {"type": "TRUNCATE", "database": database, "table": name, "es": 5_000, "data": None}


def erased(table):
    return canal(table) | {"type": "ERASE"}


def maxwell(table):
    database, name = table.split(".")
    return {"type": "table-drop", "database": database, "table": name, "ts": 5_000}


EVENTS = [("debezium", debezium), ("canal", canal), ("canal", erased), ("maxwell", maxwell)]
each = pytest.mark.parametrize(("format_", "event"), EVENTS)


def said(format_, value, topic="all", **fields):
    source = Source(topic, format_, id="{id}", text="{body}", on_truncate="delete", **fields)
    return decode(source, Record(topic, 0, 7, 1_000, None, json.dumps(value).encode()), max_bytes=1 << 20)


@each
def test_a_source_of_that_table_alone_is_emptied(format_, event):
    for fields in ({"table": "shop.articles"}, {"topic": "cms.shop.articles"}, {"topic": "shop_articles"}):
        (one,) = said(format_, event("shop.articles"), **fields)
        assert isinstance(one, Truncation)


@each
def test_a_source_that_may_have_other_tables_keeps_their_documents(format_, event):
    with pytest.raises(Rejected, match=r"shop\.articles .* may have rows of other tables") as caught:
        said(format_, event("shop.articles"), table="shop.*")
    assert caught.value.code == "truncate"


@pytest.mark.parametrize(("format_", "event"), [("debezium", debezium), ("canal", canal)])
@pytest.mark.parametrize("topic", ["all", "articles", "old_shop.articles.all", "workshop.articles"])
def test_a_topic_that_is_not_named_after_the_table_may_have_others(format_, event, topic):
    with pytest.raises(Rejected, match="other tables"):
        said(format_, event("shop.articles"), topic=topic)


@each
def test_a_table_that_is_not_the_sources_empties_nothing(format_, event):
    (one,) = said(format_, event("shop.users"), table="shop.articles")
    assert one in (Ignored("other_table"), Ignored("schema_change"))


def test_a_truncate_that_names_no_table_is_the_whole_sources():
    """As an operator writes it by hand."""
    (one,) = said("debezium", {"op": "t", "source": {"ts_ms": 5}}, table="shop.*")
    assert isinstance(one, Truncation)


def test_rows_of_other_tables_are_ignored_where_the_source_names_its_own():
    row = debezium("shop.articles", "c") | {"after": {"id": 1, "body": "Hello."}}
    other = debezium("shop.users", "c") | {"after": {"id": 1, "body": "Hello."}}
    assert isinstance(said("debezium", row, table="shop.articles", key=("id",))[0], Change)
    assert said("debezium", other, table="shop.articles", key=("id",)) == (Ignored("other_table"),)


def test_a_flattened_row_that_names_its_table_alone_is_of_any_of_that_name():
    row = {"id": 1, "body": "Hello.", "__op": "c", "__source_table": "a"}
    for table in ("a", "shop.a", "shop.public.a", "shop.*"):
        assert isinstance(said("debezium", row, table=table, key=("id",))[0], Change), table
    for table in ("b", "shop.b", "a.b"):
        assert said("debezium", row, table=table, key=("id",)) == (Ignored("other_table"),)


@pytest.mark.parametrize(
    ("info", "table"),
    [
        ({"connector": "postgresql", "db": "cms", "schema": "public", "table": "a"}, "public.a"),
        ({"connector": "mysql", "db": "shop", "table": "a"}, "shop.a"),
        ({"connector": "sqlserver", "db": "shop", "schema": "dbo", "table": "a"}, "shop.dbo.a"),
        ({"connector": "mongodb", "db": "shop", "collection": "a"}, "shop.a"),
        ({"connector": "vitess", "db": "", "keyspace": "shop", "table": "a"}, "shop.a"),
    ],
)
def test_a_table_is_named_as_in_its_topic(info, table):
    value = {"op": "c", "after": {"id": 1, "body": "Hello."}, "source": info}
    assert isinstance(said("debezium", value, table=table, key=("id",))[0], Change)
    assert said("debezium", value, table=f"other.{table}", key=("id",)) == (Ignored("other_table"),)
