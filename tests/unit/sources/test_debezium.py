"""Debezium's records: the envelope, flattened rows, tombstones, and what is sent beside changes."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.errors import Rejected
from streams.messages.changes import Document, Ignored, Incomplete, Truncation
from streams.messages.records import Record
from streams.sources import Source, decode

ROW = {"id": 1, "title": "Greetings", "body": "Hello.", "photo": None}
INFO = {"connector": "postgresql", "ts_ms": 1_700_000_000_123, "lsn": 42, "snapshot": "false"}
TIME = 1_700_000_000_123_000_000


def source(**fields):
    return Source("cms", format="debezium", **({"id": "{id}", "title": "{title}", "text": "{body}"} | fields))


def said(value, *, key=(("id", 1),), columns=(), headers=(), **fields):
    """What a record says; `columns` are the source's key columns, and bytes are taken as they are."""
    encoded = [
        one if one is None or isinstance(one, bytes) else json.dumps(one).encode()
        for one in (dict(key) if isinstance(key, tuple) else key, value)
    ]
    record = Record("cms", 0, 7, 1_700_000_000_500, *encoded, headers)
    return decode(source(key=columns, **fields), record, max_bytes=1_000_000)


def only(*args, **kwargs):
    (one,) = said(*args, **kwargs)
    return one


def refusal(*args, **kwargs):
    with pytest.raises(Rejected) as caught:
        said(*args, **kwargs)
    return caught.value


def event(op, after=None, before=None, **info):
    return {"op": op, "before": before, "after": after, "source": INFO | info, "ts_ms": 1_700_000_000_400}


def with_schema(payload, **fields):
    return {
        "schema": {"type": "struct", "fields": [{"field": n, **f} for n, f in fields.items()]},
        "payload": payload,
    }


DOCUMENT = Document(tenant="default", id="1", title="Greetings", text="Hello.")


class TestTheEnvelope:
    @pytest.mark.parametrize("op", ["c", "u", "r"])
    def test_a_row_is_written(self, op):
        made = only(event(op, ROW))
        assert made.document == DOCUMENT
        assert made.record_key == '{"id":"1"}'
        assert (made.source, made.at.offset, made.timestamp) == ("cms", 7, 1_700_000_000_500)

    def test_a_row_is_deleted(self):
        for before in (ROW, {"id": 1}, None):
            made = only(event("d", before=before))
            assert (made.document, made.record_key, made.document_id) == (None, '{"id":"1"}', "1")
            assert (made.time, made.order) == (TIME, 42)

    def test_a_tombstone_is_a_deletion_without_a_time(self):
        for value in (None, b"null", {"schema": None, "payload": None}):
            made = only(value)
            assert (made.document, made.record_key, made.time, made.order) == (None, '{"id":"1"}', None, None)

    def test_a_schema_around_key_and_value_changes_nothing(self):
        plain = only(event("u", ROW))
        wrapped = {"schema": {"type": "struct", "fields": []}, "payload": event("u", ROW)}
        assert only(wrapped, key={"schema": {"type": "struct"}, "payload": {"id": 1}}) == plain
        assert only({"payload": event("u", ROW)}) == plain

    def test_a_truncate_is_refused_unless_it_shall_delete(self):
        error = refusal(event("t"), key=None)
        assert error.code == "truncate"
        assert 'on_truncate = "delete"' in str(error)
        made = only(event("t"), key=None, on_truncate="delete")
        assert isinstance(made, Truncation)
        assert (made.source, made.at.offset, made.time, made.order) == ("cms", 7, TIME, 42)

    def test_an_update_that_holds_no_row_is_refused(self):
        error = refusal(event("u"))
        assert error.code == "incomplete_event"
        assert "change_streams_update_full" in str(error)

    @pytest.mark.parametrize(
        "value",
        [
            [],
            7,
            "text",
            {"before": {}, "after": {}, "source": {}},
            event("x", ROW),
            event(["c"], ROW),
            event("c", []),
            event("c", "[]"),
        ],
    )
    def test_what_is_no_event_is_refused(self, value):
        assert refusal(value).code == "not_debezium"

    def test_an_event_whose_source_block_was_dropped_has_no_time(self):
        for info in (None, {}, "x"):
            made = only({"op": "c", "after": ROW, "source": info})
            assert (made.document, made.time, made.order) == (DOCUMENT, None, None)


class TestAKeyThatChanges:
    def changed(self, **fields):
        after, before = ROW | {"id": 2}, ROW
        return said(event("u", after, before), **fields)

    def test_leaves_nothing_behind_where_the_source_names_the_key_columns(self):
        gone, made = self.changed(key={"org": 5}, columns=("id",))
        assert (gone.document, gone.record_key) == (None, '{"id":"1"}')
        assert (made.document.id, made.record_key) == ("2", '{"id":"2"}')
        assert (gone.time, gone.order) == (made.time, made.order)

    def test_is_two_records_where_the_record_key_says_which_row_it_is(self):
        (made,) = self.changed(key={"id": 2})
        assert made.record_key == '{"id":"2"}'


class TestFlattenedRows:
    def test_a_bare_row_is_written_without_a_time(self):
        made = only(ROW)
        assert (made.document, made.time, made.order) == (DOCUMENT, None, None)

    def test_added_fields_say_when(self):
        made = only(ROW | {"__op": "u", "__source_ts_ms": 1_700_000_000_123, "__lsn": "42"})
        assert (made.document, made.time, made.order) == (DOCUMENT, TIME, 42)

    def test_the_prefix_of_added_fields_is_a_setting(self):
        added = {"_dbz_op": "u", "_dbz_source_ts_ms": 1_700_000_000_123, "_dbz_source_lsn": 42}
        made = only(ROW | added, fields_prefix="_dbz_")
        assert (made.time, made.order) == (TIME, 42)
        assert only(ROW | added).time is None

    def test_added_headers_say_when(self):
        headers = (("__op", b"u"), ("__source_ts_ns", b"1700000000123000000"), ("__lsn", b"42"))
        made = only(ROW, headers=headers)
        assert (made.time, made.order) == (TIME, 42)
        assert only(ROW, headers=(("__op", b"d"),)).document is None

    @pytest.mark.parametrize("write", [json.dumps, lambda text: json.dumps(with_schema(text))])
    def test_headers_may_be_in_json(self, write):
        """As Connect's JsonConverter writes them, with and without a schema."""

        def headers(**added):
            return tuple((f"__{name}", write(value).encode()) for name, value in added.items())

        assert only(ROW, headers=headers(op="d")).document is None
        assert only(ROW, headers=headers(op="r", source_ts_ns=TIME)).time is None
        assert only(ROW, headers=headers(op="u", source_ts_ns=TIME)).time == TIME
        assert only(ROW, headers=headers(source_ts_ns=TIME, source_snapshot=None)).time == TIME

    def test_a_row_without_its_schema_is_of_any_table_of_its_name(self):
        added = {"__op": "u", "__db": "cms", "__table": "articles", "__connector": "postgresql"}
        assert only(ROW | added, table="public.articles").document
        assert only(ROW | added, table="public.users") == Ignored("other_table")
        added |= {"__connector": "mysql"}
        assert only(ROW | added, table="cms.articles").document
        assert only(ROW | added, table="shop.articles") == Ignored("other_table")

    def test_rows_of_other_tables_are_ignored_where_they_say_so(self):
        added = {"__op": "u", "__source_schema": "public", "__source_table": "articles"}
        assert only(ROW | added, table="public.articles").document == DOCUMENT
        assert only(ROW | added, table="public.users") == Ignored("other_table")
        assert only(ROW, table="public.users").document == DOCUMENT

    def test_when_the_connector_read_it_is_no_time(self):
        assert only(ROW | {"__op": "u", "__ts_ms": 1_700_000_000_123}).time is None

    def test_a_time_counts_only_where_it_is_known_to_be_from_no_snapshot(self):
        when = {"__source_ts_ms": 1_700_000_000_123}
        assert only(ROW | when).time is None
        assert only(ROW | when | {"__op": "r"}).time is None
        assert only(ROW | when | {"__source_snapshot": "last"}).time is None
        assert only(ROW | when | {"__source_snapshot": "false"}).time == TIME

    @pytest.mark.parametrize("mark", [{"__deleted": "true"}, {"__deleted": True}, {"__op": "d"}])
    def test_a_row_that_is_marked_as_deleted_is_gone(self, mark):
        made = only(ROW | mark)
        assert (made.document, made.record_key) == (None, '{"id":"1"}')

    def test_a_row_that_is_marked_as_not_deleted_is_not(self):
        assert only(ROW | {"__deleted": "false"}).document == DOCUMENT

    def test_what_was_added_can_be_mapped(self):
        made = only(ROW | {"__table": "articles"}, metadata=("__table",))
        assert made.document.metadata == ("__table=articles",)


class TestBesideChanges:
    @pytest.mark.parametrize(
        ("value", "reason"),
        [
            ({"ts_ms": 1_700_000_000_000}, "heartbeat"),
            ({"status": "END", "id": "571", "event_count": 2, "data_collections": []}, "transaction"),
            (
                {"source": {}, "databaseName": "inventory", "ddl": "DROP TABLE x", "tableChanges": []},
                "schema_change",
            ),
            ({"type": "execute-snapshot", "data": {"data-collections": ["public.x"]}}, "signal"),
            (event("c", {"id": "7", "type": "snapshot-window-open", "data": "{}"}), "signal"),
            ({"id": "5563ae14", "aggregate_type": "Initial Snapshot", "type": "COMPLETED"}, "notification"),
            ({"op": "m", "source": INFO, "message": {"prefix": "foo", "content": "YmFy"}}, "message"),
        ],
    )
    def test_is_ignored_by_its_name(self, value, reason):
        for form in (value, {"schema": {"type": "struct"}, "payload": value}):
            assert said(form, key={"serverName": "x"}) == (Ignored(reason),)


LOOKALIKES = [
    ({"id": 1, "type": "x", "aggregate_type": "order", "payload": "new"}, "payload"),
    ({"id": 1, "type": "x", "aggregate_type": "order", "timestamp": "new"}, "timestamp"),
    ({"id": 1, "status": "END", "event_count": 3, "title": "new"}, "title"),
    ({"id": 1, "status": "END", "event_count": 3, "data_collections": "new"}, "data_collections"),
    ({"id": 1, "databaseName": "shop", "ddl": "new"}, "ddl"),
    ({"id": 1, "type": "log", "data": "new"}, "data"),
    ({"id": 1, "type": "x", "data-collections": "new"}, "data-collections"),
]


class TestRowsThatLookLikeWhatIsBesideChanges:
    """Each would else be acknowledged, and the old text would stay."""

    @pytest.mark.parametrize(("row", "text"), LOOKALIKES)
    def test_are_rows_where_the_mapping_has_its_columns(self, row, text):
        added = {"__op": "u", "__deleted": "false"}
        for value in (row, row | added, event("u", row)):
            assert only(value, text=f"{{{text}}}", title=None).document.text == "new"
            assert only(value, text=f"{{{text}?}}", title=None).document.text == "new"

    @pytest.mark.parametrize(("row", "text"), LOOKALIKES)
    def test_are_refused_where_a_mapped_column_is_null(self, row, text):
        assert refusal(row | {text: None}, text=f"{{{text}}}", title=None).code == "unmapped"

    @pytest.mark.parametrize(("row", "_text"), LOOKALIKES)
    def test_are_refused_where_the_mapping_has_not_its_columns_but_others_show_a_row(self, row, _text):
        assert refusal(row | {"price": 3}).code == "unmapped"
        assert refusal(row | {"__op": "u"}).code == "unmapped"
        assert refusal(row, headers=(("__op", b"u"),)).code == "unmapped"


FILLED = {"id": 1, "slug": "", "title": None, "views": 0, "at": "1970-01-01T00:00:00Z", "extra": "{}"}


class TestADeletionWhoseKeyIsNotTheDatabases:
    """The source's key is `slug`, the primary key `id`: PostgreSQL writes the latter alone."""

    def test_is_refused_where_the_database_did_not_write_the_key(self):
        for value in (event("d", before=FILLED), FILLED | {"__op": "d"}):
            error = refusal(value, columns=("slug",))
            assert error.code == "key_missing"
            assert "REPLICA IDENTITY" in str(error)

    def test_is_refused_where_only_a_constant_default_shows(self):
        before = FILLED | {"lang": "en"}
        assert refusal(event("d", before=before), columns=("slug", "lang")).code == "key_missing"

    def test_deletes_where_the_whole_row_was_written(self):
        for before in (ROW | {"slug": "hello"}, FILLED | {"slug": "hello"}):
            assert only(event("d", before=before), columns=("slug",)).record_key == '{"slug":"hello"}'
        before = ROW | {"slug": "hello", "part": 0}
        made = only(event("d", before=before), columns=("slug", "part"))
        assert made.record_key == '{"part":"0","slug":"hello"}'

    @pytest.mark.parametrize("key", [{"part": 0}, {"part": ""}, {"part": False}])
    def test_deletes_where_the_row_was_written_whole_and_its_key_is_zero_or_empty(self, key):
        for rest in ({"body": "Hello"}, {"body": "Hello", "title": "x", "a": None, "b": None, "c": 0}):
            before = {"id": 5, **key, **rest}
            for value in (event("d", before=before), before | {"__op": "d"}):
                made = only(value, key={"id": 5}, columns=("part", "id"))
                assert made.document is None

    def test_of_another_database_has_the_row_as_it_was(self):
        before = {"id": 5, "part": 0, "title": None}
        made = only(event("d", before=before, connector="mysql"), key={"id": 5}, columns=("part", "id"))
        assert made.record_key == '{"id":"5","part":"0"}'

    def test_deletes_where_the_record_key_has_it_or_there_is_none(self):
        made = only(event("d", before=FILLED), key={"slug": "hello"}, columns=("slug",))
        assert made.record_key == '{"slug":"hello"}'
        assert only(event("d", before=FILLED), key=None, columns=("slug",)).record_key == '{"slug":""}'


class TestMongoDBsUpdates:
    def test_that_have_no_document_delete_none_as_they_may_be_of_a_connector_that_looks_none_up(self):
        value = event("u", connector="mongodb") | {"updateDescription": {"updatedFields": '{"a": 1}'}}
        error = refusal(value)
        assert error.code == "incomplete_event"
        assert "its deletion follows" in str(error)


PLACEHOLDER = "__debezium_unavailable_value"


class TestUnavailableValues:
    @pytest.mark.parametrize(
        "value",
        [
            PLACEHOLDER,
            "X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ==",
            PLACEHOLDER.encode().hex(),
            [PLACEHOLDER],
            list(PLACEHOLDER.encode()),
            [float(byte) for byte in PLACEHOLDER.encode()],
            [str(byte) for byte in PLACEHOLDER.encode()],
            {PLACEHOLDER: PLACEHOLDER},
            json.dumps({PLACEHOLDER: PLACEHOLDER}),
            {"wkb": "AQEAACDmEAAAAAAA/IPXl8EAAAD8g9eXwQ==", "srid": 4326},
            {"x": -99999999, "y": -99999999.0},
        ],
    )
    def test_are_left_to_the_row_before_whatever_the_type(self, value):
        for made in (only(event("u", ROW | {"body": value})), only(ROW | {"body": value})):
            assert isinstance(made.document, Incomplete)
            assert made.document.lacking == ("body",)
            filled = made.document.fill({"body": "As it was."})
            assert filled.document.text == "As it was."
            assert PLACEHOLDER not in json.dumps(filled.row)

    def test_are_refused_where_the_row_before_has_none(self):
        made = only(event("u", ROW | {"body": PLACEHOLDER}))
        with pytest.raises(Rejected, match="REPLICA IDENTITY FULL") as caught:
            made.document.fill({})
        assert caught.value.code == "unavailable_value"

    def test_are_known_where_the_event_has_the_row_as_it_was(self):
        made = only(event("u", ROW | {"body": PLACEHOLDER}, ROW))
        assert made.document == DOCUMENT
        unknown = ROW | {"body": PLACEHOLDER}
        assert isinstance(only(event("u", unknown, unknown)).document, Incomplete)

    def test_do_not_matter_in_a_column_that_is_not_mapped(self):
        assert only(event("u", ROW | {"photo": PLACEHOLDER})).document == DOCUMENT

    @pytest.mark.parametrize(("setting", "value"), [("gone", "gone"), ("hex:ff00", "/wA=")])
    def test_have_a_placeholder_that_is_a_setting(self, setting, value):
        made = only(event("u", ROW | {"body": value}), unavailable_value=setting)
        assert made.document.lacking == ("body",)
        assert (
            only(event("u", ROW | {"body": PLACEHOLDER}), unavailable_value=setting).document.text
            == PLACEHOLDER
        )


class TestMongoDB:
    def test_documents_are_json_as_text(self):
        after = (
            '{"_id": {"$oid": "65f"}, "n": {"$numberLong": "1004"}, "at": {"$date": 1700000000123}, '
            '"price": {"$numberDecimal": "9.90"}, "tags": [{"$numberInt": "1"}], '
            '"raw": {"$binary": "AA==", "$type": "00"}}'
        )
        made = only(
            event("u", after, connector="mongodb"),
            key={"id": '{"$oid": "65f"}'},
            id="{_id}",
            title=None,
            text="{n} {price} {at} {tags.0} {raw}",
        )
        assert made.document.id == "65f"
        assert made.document.text == "1004 9.90 2023-11-14T22:13:20.123+00:00 1 AA=="


class TestCassandra:
    def cells(self, **columns):
        cells = {name: {"value": value, "deletion_ts": None, "set": True} for name, value in columns.items()}
        return cells | {"photo": None}

    def test_a_row_has_cells(self):
        made = only(event("c", self.cells(**ROW | {"photo": "x"}), connector="cassandra"))
        assert made.document == DOCUMENT

    def test_an_update_leaves_out_what_it_did_not_set(self):
        cells = self.cells(id=1, title="New") | {"body": None}
        made = only(event("u", cells, connector="cassandra"))
        assert made.document.lacking == ("body",)
        assert made.document.fill({"body": "Hello."}).document.title == "New"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
NAMES = [
    "op",
    "before",
    "after",
    "source",
    "payload",
    "schema",
    "status",
    "id",
    "type",
    "data",
    "ts_ms",
    "__op",
    "wkb",
]
NAMES += [
    "ts_ns",
    "lsn",
    "file",
    "pos",
    "row",
    "ord",
    "vgtid",
    "shard",
    "change_lsn",
    "ts_hlc",
    "connector",
    "fields",
]
NAMES += [
    "name",
    "parameters",
    "scale",
    "field",
    "x",
    "y",
    "value",
    "$date",
    "$binary",
    "snapshot",
    "__deleted",
    "items",
]
OPS = st.sampled_from(
    ["c", "u", "d", "r", "t", "m", "cassandra", "mongodb", "true", "{}", '{"a": 1}', "1.1", "1:2"]
)
TYPES = st.sampled_from(
    ["io.debezium.time.Date", "io.debezium.data.geometry.Geometry", "io.debezium.data.Bits"]
)
SHAPES = st.recursive(
    JSON | OPS | TYPES,
    lambda inner: st.dictionaries(st.sampled_from(NAMES), inner, max_size=6) | st.lists(inner, max_size=2),
    max_leaves=20,
)


@given(key=SHAPES, value=SHAPES, columns=st.booleans())
def test_whatever_json_a_record_holds_it_is_understood_or_refused(key, value, columns):
    record = Record("cms", 0, 7, 1, json.dumps(key).encode(), json.dumps(value).encode())
    with suppress(Rejected):
        decode(source(key=("id",) if columns else (), text="{body?}"), record, max_bytes=1_000_000)
