"""The native format: what a record of changes becomes, and what is refused."""

import json
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams import sources
from streams.errors import Rejected
from streams.messages.changes import Change
from streams.messages.records import Offset, Record

MIB = 1024 * 1024
SECRET = "hunter2-the-secret"
UPSERT = {"id": "kb/42", "text": "Click *Forgot*.", "tenant": "acme"}


def record(value=None, key=b"acme/kb/42", topic="documents.changes"):
    data = value if value is None or isinstance(value, bytes) else json.dumps(value).encode()
    return Record(topic=topic, partition=2, offset=17, timestamp=1_700_000_000_000, key=key, value=data)


def decode(value=None, key=b"acme/kb/42", *, tenant=None, max_bytes=8 * MIB, on_unknown=None):
    source = sources.Source("documents.changes", tenant=tenant)
    return sources.decode(source, record(value, key), max_bytes=max_bytes, on_unknown=on_unknown)


def change(value=None, key=b"acme/kb/42", **named):
    (only,) = decode(value, key, **named)
    assert isinstance(only, Change)
    return only


def rejection(value=None, key=b"acme/kb/42", **named):
    with pytest.raises(Rejected) as caught:
        decode(value, key, **named)
    assert SECRET not in str(caught.value)
    return caught.value


def test_an_upsert_becomes_the_document_with_every_field():
    said = {
        "id": "kb/42",
        "op": "upsert",
        "title": "Reset",
        "text": "Click",
        "media_type": "text/markdown",
        "url": "https://kb.example.org/42",
        "language": "en",
        "tenant": "acme",
        "readers": ["group:support", "group:admin", "group:support"],
        "metadata": {"product": "portal", "tags": ["b", "a"]},
        "changed_at": "2026-11-22T10:00:00Z",
    }
    made = change(said)
    assert made.source == "documents.changes"
    assert made.record_key == "acme/kb/42"
    assert made.at == Offset(topic="documents.changes", partition=2, offset=17)
    assert made.timestamp == 1_700_000_000_000
    document = made.document
    assert (document.tenant, document.id, document.title, document.text) == (
        "acme",
        "kb/42",
        "Reset",
        "Click",
    )
    assert (document.media_type, document.url, document.language) == (
        "text/markdown",
        "https://kb.example.org/42",
        "en",
    )
    assert document.readers == ("group:admin", "group:support")
    assert document.metadata == ("product=portal", "tags=a", "tags=b")
    assert made.changed_at == datetime(2026, 11, 22, 10, tzinfo=UTC)


def test_id_and_text_are_enough():
    made = change({"id": "kb/42", "text": "Click"})
    assert made.document.media_type == "text/plain"
    assert made.document.readers == ("*",)
    assert made.document.metadata == ()
    assert (made.time, made.order, made.changed_at) == (None, None, None)


def test_an_empty_text_is_a_text():
    assert change({**UPSERT, "text": ""}).document.text == ""


def test_a_null_value_is_a_deletion_of_what_the_key_names():
    made = change(None)
    assert made.document is None
    assert (made.tenant, made.document_id) == ("acme", "kb/42")
    assert (made.time, made.order) == (None, None)


def test_a_delete_is_a_deletion_and_may_say_when():
    made = change({"id": "kb/42", "op": "delete", "changed_at": "2026-11-22T10:00:00Z"})
    assert made.document is None
    assert (made.tenant, made.document_id) == ("acme", "kb/42")
    assert (made.time, made.order) == (1_795_341_600 * 10**9, 0)


def test_a_delete_and_an_upsert_of_one_key_are_of_one_document():
    assert change(None).key == change(UPSERT).key != change(UPSERT | {"id": "x"}, b"acme/x").key


@pytest.mark.parametrize(
    ("changed_at", "time"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2026-11-22T10:00:00.123456Z", 1_795_341_600_123_456_000),
        ("2026-11-22T11:00:00+01:00", 1_795_341_600_000_000_000),
        ("2026-11-22T10:00:00", 1_795_341_600_000_000_000),
        ("2026-11-22 10:00:00Z", 1_795_341_600_000_000_000),
    ],
)
def test_a_time_is_counted_in_nanoseconds_and_without_a_zone_is_utc(changed_at, time):
    made = change({**UPSERT, "changed_at": changed_at})
    assert (made.time, made.order) == (time, 0)
    assert made.changed_at.tzinfo is UTC


@pytest.mark.parametrize(
    "changed_at",
    [
        "1969-12-31T23:59:59Z",
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59",
        "yesterday",
        "",
        "2026-11-22",
        1_795_341_600,
        1_795_341_600_000,
        1.5,
        "1795341600",
        True,
        [],
        {},
    ],
)
def test_a_time_that_can_not_order_changes_is_refused(changed_at):
    error = rejection({**UPSERT, "changed_at": changed_at})
    assert error.code == "invalid_change"
    assert "changed_at" in str(error)


def test_a_record_without_a_key_is_refused():
    assert rejection(UPSERT, None).code == "key_missing"
    assert rejection(None, None).code == "key_missing"


@pytest.mark.parametrize(
    "key",
    [
        b"",
        b"kb",
        b"/kb/42",
        b"acme/",
        b"a b/kb",
        b"\xff/kb",
        b"acme\n/kb",
        b"x" * 65 + b"/kb",
        "é/kb".encode(),
    ],
)
@pytest.mark.parametrize("value", [None, UPSERT])
def test_a_key_that_is_not_tenant_and_id_is_refused(key, value):
    assert rejection(value, key).code == "key_mismatch"


def test_an_id_that_is_too_long_is_refused_in_a_tombstone_too():
    assert rejection(None, b"acme/" + b"x" * 1025).code == "key_mismatch"


@pytest.mark.parametrize("key", [b"acme/kb/43", b"acme/kb", b"other/kb/42", b"acme/KB/42"])
def test_a_key_of_another_document_or_tenant_is_refused(key):
    assert rejection(UPSERT, key).code == "key_mismatch"
    assert rejection({"id": "kb/42", "op": "delete", "tenant": "acme"}, key).code == "key_mismatch"


def test_a_value_without_a_tenant_has_the_topics_else_the_keys():
    said = {"id": "kb/42", "text": "Click"}
    assert change(said).document.tenant == "acme"
    assert change(said, b"default/kb/42").document.tenant == "default"
    assert change(said, tenant="acme").document.tenant == "acme"


def test_on_a_bound_topic_another_tenant_is_refused_wherever_it_is_named():
    assert rejection({**UPSERT, "tenant": "other"}, b"other/kb/42", tenant="acme").code == "refused"
    assert rejection({**UPSERT, "tenant": "other"}, tenant="acme").code == "refused"
    assert rejection({"id": "kb/42", "text": "x"}, b"other/kb/42", tenant="acme").code == "key_mismatch"
    assert rejection(None, b"other/kb/42", tenant="acme").code == "key_mismatch"


@pytest.mark.parametrize(
    "value",
    [
        {"id": "kb/42"},
        {"id": "kb/42", "text": None},
        {"text": SECRET},
        {**UPSERT, "op": "patch"},
        {**UPSERT, "readers": []},
        {**UPSERT, "readers": SECRET},
        {**UPSERT, "tenant": "a b"},
        {**UPSERT, "id": ""},
        {**UPSERT, "metadata": {"a=b": SECRET}},
        {**UPSERT, "metadata": {"a": {"b": SECRET}}},
        [UPSERT],
        SECRET,
        1,
        None,
    ],
)
def test_a_value_that_is_no_document_change_is_refused(value):
    data = b"null" if value is None else value
    assert rejection(data).code == "invalid_change"


@pytest.mark.parametrize(
    ("field", "value", "limit"),
    [
        ("metadata", {"raw": SECRET * 1000}, "16384 bytes"),
        ("metadata", {"né": "é" * 8192}, "16384 bytes"),
        ("metadata", {f"n{n}": "x" * 170 for n in range(100)}, "16384 bytes"),
        ("metadata", {"tags": [str(n) for n in range(1001)]}, "1000 values"),
        ("metadata", {"a": "", "tags": [str(n) for n in range(1000)]}, "1000 values"),
        ("readers", [f"user:{SECRET}{n:060d}" for n in range(1000)], "65536 bytes"),
        ("readers", ["*", *(f"user:{SECRET}{n:060d}" for n in range(999))], "65536 bytes"),
    ],
)
def test_more_than_every_passage_can_carry_a_copy_of_is_refused(field, value, limit):
    error = rejection({**UPSERT, field: value})
    assert error.code == "invalid_change"
    assert str(error).startswith(f"{field}: ")
    assert limit in str(error)


@pytest.mark.parametrize(
    "fields",
    [
        {"metadata": {"raw": "x" * (16 * 1024 - len("raw="))}},
        {"metadata": {"tags": [*(str(n) for n in range(1000)), "1", "1"]}},
        {"readers": [f"user:{n:059d}" for n in range(1000)]},
    ],
)
def test_as_much_as_every_passage_can_carry_is_taken(fields):
    assert change({**UPSERT, **fields}).document


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (b"\xff\xfe", "not_utf8"),
        (b"", "not_json"),
        (b"{", "not_json"),
        (b"[" * 100_000, "too_deep"),
        (b'{"id": "kb/42", "text": "\\ud800"}', "not_utf8"),
        (b'{"id": "kb/42", "text": NaN}', "not_json"),
    ],
)
def test_bytes_that_can_not_be_read_are_refused(value, code):
    assert rejection(value).code == code


def test_a_record_that_is_too_large_is_refused_before_it_is_read():
    assert rejection(b"\xff" * (20 * MIB)).code == "too_large"
    size = record(UPSERT).size
    assert change(UPSERT, max_bytes=size).document
    assert rejection(UPSERT, max_bytes=size - 1).code == "too_large"


def test_everyone_among_the_readers_is_everyone():
    assert change({**UPSERT, "readers": ["group:a", "*"]}).document.readers == ("*",)


def test_metadata_is_written_as_sorted_pairs():
    said = {"yes": True, "no": False, "n": 3, "f": 1.5, "list": ["b", "a", "b"], "none": [], "é": "=x="}
    assert change({**UPSERT, "metadata": said}).document.metadata == (
        "f=1.5",
        "list=a",
        "list=b",
        "n=3",
        "no=false",
        "yes=true",
        "é==x=",
    )


def test_unknown_fields_are_ignored_and_told():
    told = []
    assert change({**UPSERT, "colour": "red"}, on_unknown=told.append).document
    assert told == [["colour"]]


@given(st.none() | st.binary(max_size=80), st.none() | st.binary() | st.text().map(str.encode))
def test_no_bytes_raise_anything_but_a_rejection(key, value):
    with suppress(Rejected):
        decode(value, key)


FIELDS = st.fixed_dictionaries(
    {},
    optional={
        name: st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text()
        | st.lists(st.text())
        | st.dictionaries(st.text(), st.text())
        | st.datetimes().map(str)
        for name in (
            "id",
            "op",
            "text",
            "tenant",
            "readers",
            "metadata",
            "changed_at",
            "title",
            "url",
            "more",
        )
    },
)


@given(FIELDS)
def test_no_fields_raise_anything_but_a_rejection(fields):
    with suppress(Rejected):
        decode({"id": "kb/42", "text": "x", **fields})


def test_a_naughty_text_arrives_as_it_was_sent(test_data):
    for text in json.loads((test_data / "naughty/blns.json").read_text()):
        made = change({**UPSERT, "text": text, "title": text[:2000]})
        assert made.document.text == text
        with suppress(Rejected):
            change({**UPSERT, "id": text}, f"acme/{text}".encode())
        with suppress(Rejected):
            decode(text.encode(), text.encode())
