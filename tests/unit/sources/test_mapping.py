"""From a row to a document: keys, templates, readers, and what each refusal names."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.errors import Rejected
from streams.messages.changes import Document, Incomplete
from streams.messages.records import Record
from streams.sources import Source
from streams.sources.keys import SHARD
from streams.sources.mapping import change_of
from streams.sources.payload import Payload, from_json
from streams.sources.rows import Row

SOURCE = Source("cms", format="debezium", id="article-{id}", text="{body}")
ROW = {"id": 1, "title": "Greetings", "body": "Hello.", "author": {"name": "Ada", "tags": ["a", "b"]}}


def record(key=None, value=None):
    return Record("cms", 0, 7, 1_700_000_000_000, key, value)


def source(**fields):
    return Source("cms", format="debezium", **({"id": "{id}", "text": "{body}"} | fields))


def change(of, columns, *, key=None, **row):
    return change_of(of, record(), Payload(key), Row(columns, **row))


def document(columns=None, **fields):
    return change(source(**fields), ROW if columns is None else columns, key={"id": 1}).document


def refusal(*args, **kwargs):
    with pytest.raises(Rejected) as caught:
        change(*args, **kwargs)
    return caught.value


def refused(columns=None, **fields):
    return refusal(source(**fields), ROW if columns is None else columns, key={"id": 1})


class TestTemplates:
    def test_columns_fill_templates(self):
        assert document(
            id="article-{id}",
            title="{title}!",
            text="{title}\n\n{body}",
            url="https://example.org/{id}",
            media_type="text/markdown",
            language="en",
        ) == Document(
            tenant="default",
            id="article-1",
            title="Greetings!",
            text="Greetings\n\nHello.",
            url="https://example.org/1",
            media_type="text/markdown",
            language="en",
        )

    @pytest.mark.parametrize(
        ("template", "columns", "text"),
        [
            ("{author.name}", ROW, "Ada"),
            ("{author.tags.1}", ROW, "b"),
            ("{a.b}", {"a.b": "dotted", "a": {"b": "nested"}}, "dotted"),
            ("{doc.title}", {"doc": ' {"title": "in JSON text"}'}, "in JSON text"),
            ("{{{x}}}", {"x": "braces"}, "{braces}"),
            ("{x}", {"x": 7}, "7"),
            ("{x}", {"x": 7.0}, "7"),
            ("{x}", {"x": 0.25}, "0.25"),
            ("{x}", {"x": True}, "true"),
            ("{x}", {"x": {"é": [1, None]}}, '{"é":[1,null]}'),
            ("a{x?}b", {"x": None}, "ab"),
            ("a{x?}b", {}, "ab"),
            ("a{x.y?}b", {"x": {"z": 1}}, "ab"),
            ("{x}", {"x": ""}, ""),
        ],
    )
    def test_a_template_gives_this_text(self, template, columns, text):
        assert document(columns | {"id": 1}, text=template).text == text

    def test_a_title_or_an_address_that_would_be_empty_is_none(self):
        shown = document({"id": 1, "body": "x", "t": None}, title="{t?}", url="{t?}")
        assert (shown.title, shown.url) == (None, None)

    @pytest.mark.parametrize(
        ("fields", "names"),
        [
            ({"title": "{titel}"}, ["title", "'titel'", "author, body, id, title"]),
            ({"title": "{author.nick}"}, ["title", "'author.nick'"]),
            ({"text": "{author.tags.2}"}, ["text", "'author.tags.2'"]),
            ({"metadata": ("nobody",)}, ["metadata", "'nobody'"]),
            ({"readers": "{acl}"}, ["readers", "'acl'"]),
            ({"tenant": "{org}"}, ["tenant", "'org'"]),
            ({"tenant": "{title} "}, ["tenant"]),
        ],
    )
    def test_what_can_not_be_filled_is_refused_by_template_and_column(self, fields, names):
        error = refused(**fields)
        assert error.code == "unmapped"
        for name in names:
            assert name in str(error)
        assert "Greetings" not in str(error)

    def test_a_null_fills_no_template(self):
        error = refused({"id": 1, "body": None})
        assert error.code == "unmapped"
        assert "'body' is null" in str(error)
        assert "{body?}" in str(error)

    @pytest.mark.parametrize("template", ["{none?}", "{empty}"])
    def test_an_id_or_a_tenant_is_never_empty(self, template):
        columns = ROW | {"empty": ""}
        assert refused(columns, id=template).code == "unmapped"
        assert refused(columns, tenant=template).code == "unmapped"

    def test_what_is_too_long_is_refused(self):
        assert "1024" in str(refused(ROW | {"id": "x" * 1025}))
        assert "2000" in str(refused(ROW | {"title": "x" * 2001}, title="{title}"))

    def test_metadata_is_named_by_its_columns(self):
        columns = ROW | {"n": 2.0, "none": None, "yes": True}
        names = ("author.name", "author.tags", "n", "none", "yes", "gone?")
        assert document(columns, metadata=names).metadata == (
            "author.name=Ada",
            "author.tags=a",
            "author.tags=b",
            "gone=null",
            "n=2",
            "none=null",
            "yes=true",
        )

    @pytest.mark.parametrize("raw", [{"a": "b" * 20_000}, "b" * 20_000, [str(n) for n in range(1001)]])
    def test_a_column_that_is_more_than_every_passage_can_carry_is_no_metadata(self, raw):
        error = refused(ROW | {"raw": raw}, metadata=("author.name", "raw"))
        assert error.code == "unmapped"
        assert str(error).startswith("metadata: ")
        assert "16384 bytes" in str(error)
        assert "column.part" in str(error)
        assert document(ROW | {"raw": json.dumps({"kind": "x", "b": raw})}, metadata=("raw.kind",)).metadata

    def test_the_row_keeps_only_the_columns_that_were_used(self):
        made = change(
            source(title="{author.name}", metadata=("title",)), ROW | {"secret": "x"}, key={"id": 1}
        )
        assert made.row == {name: ROW[name] for name in ("author", "body", "id", "title")}


class TestTenants:
    def test_there_is_a_default(self):
        assert document().tenant == "default"

    def test_a_source_can_be_bound_to_one(self):
        assert document(tenant="acme").tenant == "acme"

    def test_a_column_can_name_one(self):
        assert document(ROW | {"org": 12}, tenant="org-{org}").tenant == "org-12"


class TestReaders:
    @pytest.mark.parametrize(
        ("acl", "readers"),
        [
            (["group:b", "group:a", "group:b"], ("group:a", "group:b")),
            ("group:b, group:a,,", ("group:a", "group:b")),
            ('["group:a"]', ("group:a",)),
            ([1, 2], ("1", "2")),
            (7, ("7",)),
            ("group:a,*", ("*",)),
        ],
    )
    def test_a_list_or_text_with_commas_names_them(self, acl, readers):
        assert document(ROW | {"acl": acl}, readers="{acl}").readers == readers

    def test_without_a_template_everyone_may_read(self):
        assert document().readers == ("*",)

    def test_a_longer_template_is_text_with_commas(self):
        columns = ROW | {"team": "x", "owner": "ada"}
        shown = document(columns, readers="group:{team},user:{owner}")
        assert shown.readers == ("group:x", "user:ada")

    @pytest.mark.parametrize(
        ("template", "owner", "readers"),
        [
            ("user:{owner},group:staff", "ada", ("group:staff", "user:ada")),
            ("user:{owner?}, group:staff", None, ("group:staff",)),
            ("{owner} , group:staff", "ada,bob", ("ada", "bob", "group:staff")),
            ("{owner?},group:staff", None, ("group:staff",)),
            ("user:{owner}", "*", ("user:*",)),
        ],
    )
    def test_each_name_of_a_longer_template_is_filled_by_itself(self, template, owner, readers):
        assert document(ROW | {"owner": owner}, readers=template).readers == readers

    @pytest.mark.parametrize("owner", ["ada,*", "ada, group:admin", "", " ", None])
    @pytest.mark.parametrize("template", ["user:{owner}", "user:{owner},group:staff"])
    def test_a_column_that_is_part_of_a_name_makes_up_no_other_reader(self, template, owner):
        assert refused(ROW | {"owner": owner}, readers=template).code == "unmapped"

    @pytest.mark.parametrize("acl", [None, "", " , ", [], "[]"])
    def test_nobody_is_refused_unless_that_means_everyone(self, acl):
        columns = ROW | {"acl": acl}
        assert "readers_when_empty" in str(refused(columns, readers="{acl}"))
        shown = document(columns, readers="{acl}", readers_when_empty="everyone")
        assert shown.readers == ("*",)

    @pytest.mark.parametrize("acl", [["a", None], [""], [["a"]], ["a" * 257], [f"u{n}" for n in range(1001)]])
    def test_a_list_that_is_no_list_of_names_is_refused(self, acl):
        assert refused(ROW | {"acl": acl}, readers="{acl}", readers_when_empty="everyone").code == "unmapped"

    def test_a_list_inside_a_longer_template_is_refused(self):
        assert refused(ROW | {"acl": ["a", "b"]}, readers="group:{acl}").code == "unmapped"

    def test_more_than_every_passage_can_carry_is_refused(self):
        error = refused(ROW | {"acl": [f"user:{n:064d}" for n in range(1000)]}, readers="{acl}")
        assert error.code == "unmapped"
        assert "65536 bytes" in str(error)

    def test_a_list_column_that_is_absent_is_refused_even_where_empty_means_everyone(self):
        assert refused(readers="{acl}", readers_when_empty="everyone").code == "unmapped"


KEYS = st.dictionaries(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1),
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"])),
    min_size=1,
).filter(lambda key: any(value is not None for value in key.values()))


class TestKeys:
    @given(KEYS)
    def test_a_key_is_the_same_however_it_is_written(self, key):
        def of(data):
            return change_of(SOURCE, record(), from_json(record(data)), Row(None)).record_key

        plain = of(json.dumps(key).encode())
        assert of(json.dumps(key, ensure_ascii=False, indent=1, sort_keys=True).encode()) == plain
        assert of(json.dumps({"schema": {"type": "struct"}, "payload": key}).encode()) == plain
        text = {name: None if value is None else str(value) for name, value in key.items()}
        if not any(isinstance(value, bool) for value in key.values()):
            assert of(json.dumps(text).encode()) == plain

    def test_an_upsert_a_delete_and_a_tombstone_agree(self):
        for of in (source(), source(key=("id",))):
            keys = {
                change(of, ROW, key={"id": 1}).record_key,
                change(of, None, key={"id": 1}).record_key,
                change(of, None, key={"id": "1"}).record_key,
                change(of, ROW, key={"x": 2} if of.key else {"id": 1}).record_key,
                change_of(of, record(), from_json(record(b'{"id":1}')), Row(None)).record_key,
            }
            assert keys == {'{"id":"1"}'}

    def test_key_columns_come_from_the_row_where_the_record_has_no_key(self):
        of = source(key=("id",))
        assert change(of, ROW).record_key == '{"id":"1"}'
        assert change(of, None, before={"id": 1, "body": "x"}).record_key == '{"id":"1"}'
        assert change(of, None, key=1).record_key == '{"id":"1"}'

    def test_rows_of_tables_that_a_router_brings_together_are_told_apart(self):
        shard, other = ({"id": 1, SHARD: f"s{n}.shop.articles"} for n in (1, 2))
        assert refusal(source(key=("id",)), ROW, key=shard).code == "key_missing"
        for of in (source(), source(key=("id", SHARD))):
            assert change(of, ROW, key=shard).record_key != change(of, ROW, key=other).record_key

    def test_key_columns_tell_rows_apart_that_share_a_record_key(self):
        of = source(key=("id",))
        shared = {"org": 5}
        assert change(of, ROW, key=shared).record_key != change(of, ROW | {"id": 2}, key=shared).record_key

    def test_a_format_can_name_the_key(self):
        row = Row(ROW, key={"id": 1})
        assert change_of(source(), record(), Payload("hash"), row).record_key == '{"id":"1"}'

    def test_a_key_need_not_be_json(self):
        def of(key):
            return change_of(source(), record(), from_json(record(key)), Row(None)).record_key

        assert of(b"k1") == of(b'"k1"') != of(b"k2")
        assert of(b"\xff\x00") == '{"":"ff00"}'
        assert of(b"{not json") == '{"":"{not json"}'

    @pytest.mark.parametrize("key", [None, {}, {"id": None}])
    def test_a_row_without_a_key_is_refused(self, key):
        error = refusal(source(), ROW, key=key)
        assert error.code == "key_missing"
        assert 'key = ["id"]' in str(error)

    def test_key_columns_that_nothing_has_are_named(self):
        error = refusal(source(key=("uid",)), ROW, key={"id": 1})
        assert error.code == "key_missing"
        assert "uid" in str(error)


class TestDeletions:
    def test_need_only_the_key(self):
        made = change(source(tenant="{org}"), None, key={"id": 1})
        assert (made.document, made.tenant, made.document_id) == (None, None, "1")

    def test_name_what_the_key_tells(self):
        made = change(source(id="{title}", tenant="acme"), None, key={"id": 1})
        assert (made.tenant, made.document_id) == ("acme", None)


class TestValuesLeftOut:
    OF = source(title="{title}", metadata=("author",))

    def made(self, lacking, of=OF, columns=ROW):
        return change(of, columns, key={"id": 1}, lacking=frozenset(lacking))

    def test_are_taken_from_the_row_before(self):
        made = self.made({"body"}, columns=ROW | {"body": "__debezium_unavailable_value"})
        assert isinstance(made.document, Incomplete)
        assert made.document.lacking == ("body",)
        assert made.row == {}
        assert (made.tenant, made.document_id) == ("default", "1")
        filled = made.document.fill({"body": "As it was.", "title": "Old"})
        assert filled.document.text == "As it was."
        assert filled.document.title == "Greetings"
        assert filled.row["body"] == "As it was."
        assert filled.record_key == made.record_key

    def test_are_refused_where_that_row_lacks_them(self):
        with pytest.raises(Rejected, match="REPLICA IDENTITY FULL") as caught:
            self.made({"body"}).document.fill({"title": "Old"})
        assert caught.value.code == "unavailable_value"
        assert "body" in str(caught.value)

    def test_matter_only_where_a_template_uses_them(self):
        made = self.made({"photo"}, columns=ROW | {"photo": "__debezium_unavailable_value"})
        assert made.document.text == "Hello."
        assert "photo" not in made.row

    def test_matter_where_a_field_in_them_is_used(self):
        made = self.made({"author"}, of=source(title="{author.name}"))
        assert made.document.fill({"author": {"name": "Bob"}}).document.title == "Bob"
