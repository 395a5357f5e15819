"""From bytes to a model: what is refused, and that errors name fields but never values."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.errors import Rejected
from streams.messages.changes import DocumentChange
from streams.messages.decode import MAX_DEPTH, decode_json, read, refuse_unknown
from streams.messages.questions import Question

STORABLE = st.text(st.characters(exclude_categories=["Cs"]))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | STORABLE,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(STORABLE, inner, max_size=5),
)
SECRET = "hunter2-the-secret"


def rejected(call, *arguments, **named):
    with pytest.raises(Rejected) as caught:
        call(*arguments, **named)
    return caught.value


@given(JSON, st.booleans())
def test_every_json_value_is_read_as_it_is(value, ascii_only):
    assert decode_json(json.dumps(value, ensure_ascii=ascii_only).encode()) == value


@given(
    st.binary()
    | st.text().map(lambda text: json.dumps(text).encode())
    | st.text('[]{}",:\\u d8f019eE+-.NaI').map(str.encode)
)
def test_no_bytes_raise_anything_but_a_rejection(data):
    with suppress(Rejected):
        decode_json(data)


def test_the_naughty_strings_survive_a_round_trip(test_data):
    for text in json.loads((test_data / "naughty/blns.json").read_text()):
        assert decode_json(json.dumps({"text": text}).encode()) == {"text": text}
        with suppress(Rejected):
            decode_json(text.encode())


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\xff\xfe{}", "not_utf8"),
        ('{"a": 1}'.encode("utf-16"), "not_utf8"),
        (b'{"a": "\xed\xa0\x80"}', "not_utf8"),
        (b'{"a": "\\ud800"}', "not_utf8"),
        (b'{"\\udfff": 1}', "not_utf8"),
        (b'{"a": ["\\ude00\\ud83d"]}', "not_utf8"),
        (b"", "not_json"),
        (b"{", "not_json"),
        (b'{"a": 1} {"b": 2}', "not_json"),
        (b"{'a': 1}", "not_json"),
        (b'{"a": NaN}', "not_json"),
        (b'{"a": Infinity}', "not_json"),
        (b'{"a": -Infinity}', "not_json"),
        (b'{"a": 1e999}', "not_json"),
        (b'{"a": ' + b"9" * 10_000 + b"}", "not_json"),
        (b'{"a": 1, "a": 2}', "not_json"),
        (b'{"b": {"a": 1, "c": 3, "a": 1}}', "not_json"),
        (b'{"a": "line\nbreak"}', "not_json"),
        (b"[" * 1_000_000, "too_deep"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "too_deep"),
        (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), "too_deep"),
    ],
)
def test_what_readers_could_understand_differently_is_refused(data, code):
    assert rejected(decode_json, data).code == code


def depth(value):
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth, inner), default=0)


@given(
    st.recursive(
        st.text('[]{}\\"/ü😀') | st.integers(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text('[]{}\\"'), inner, max_size=4),
    ),
    st.integers(MAX_DEPTH - 8, MAX_DEPTH),
    st.booleans(),
)
def test_depth_is_that_of_the_value_whatever_its_strings_hold(value, around, ascii_only):
    for _ in range(around):
        value = [value, "[" * 10, "]" * 10]
    data = json.dumps(value, ensure_ascii=ascii_only).encode()
    if depth(value) > MAX_DEPTH:
        assert rejected(decode_json, data).code == "too_deep"
    else:
        assert decode_json(data) == value


def test_as_deep_as_is_allowed_is_read():
    assert decode_json(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)


def test_a_pair_of_surrogates_is_the_character_that_it_stands_for():
    assert decode_json(b'"\\ud83d\\ude00"') == "😀"


def test_a_byte_order_mark_is_tolerated():
    assert decode_json(b'\xef\xbb\xbf{"a": 1}') == {"a": 1}


def test_an_error_in_json_says_where():
    assert "line 2, column 6" in str(rejected(decode_json, b'{\n"a": x}'))


def test_the_name_that_stands_twice_is_named():
    assert "tenant" in str(rejected(decode_json, b'{"tenant": "a", "tenant": "b"}'))


@pytest.mark.parametrize(
    ("data", "names"),
    [
        ({"text": SECRET}, ["id: Field required"]),
        ({"id": 7, "text": SECRET}, ["id: ", "string"]),
        ({"id": "1", "op": SECRET}, ["op: ", "'upsert' or 'delete'"]),
        ({"id": "1", "tenant": SECRET + "!"}, ["tenant: ", "pattern"]),
        ({"id": "1", "readers": []}, ["readers: ", "everyone"]),
        ({"id": "1", "readers": [SECRET * 100]}, ["readers.0: ", "256"]),
        ({"id": "1", "metadata": {"a": {"b": SECRET}}}, ["metadata.a: "]),
        ({"id": "1", "changed_at": SECRET}, ["changed_at: "]),
        ({"id": {"x": SECRET}, "op": SECRET, "title": [SECRET], "url": 1, "language": 2}, ["id: ", "2 more"]),
    ],
)
def test_an_error_names_the_field_and_what_is_wrong_but_no_value(data, names):
    error = rejected(read, DocumentChange, data, code="invalid_change")
    assert error.code == "invalid_change"
    for name in names:
        assert name in str(error)
    assert SECRET not in str(error)


@pytest.mark.parametrize("data", [None, [], "text", 1, True])
def test_what_is_no_object_is_no_message(data):
    assert "JSON object" in str(rejected(read, Question, data, code="invalid_question"))


def test_unknown_fields_are_ignored_and_told():
    told = []
    question = read(Question, {"text": "?", "b": 1, "a": 2}, code="invalid_question", on_unknown=told.append)
    assert question == Question(text="?")
    assert told == [["a", "b"]]


def test_nothing_is_told_where_every_field_is_known():
    told = []
    read(Question, {"text": "?"}, code="invalid_question", on_unknown=told.append)
    assert told == []


def test_who_wants_to_know_has_unknown_fields_refused_by_name():
    error = rejected(refuse_unknown, Question, {"text": "?", "txet": SECRET, "odd name\n": 1})
    assert error.code == "unknown_field"
    assert "txet" in str(error)
    assert "'odd name\\n'" in str(error)
    assert "deadline_ms" in str(error)
    assert SECRET not in str(error)


def test_known_fields_are_not_refused():
    refuse_unknown(Question, {"text": "?", "top_k": 3})
