"""What a record of a question topic asks, and what is no question."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.errors import Rejected
from streams.messages.questions import Question
from streams.messages.records import Offset, Record
from streams.sources import QuestionTopic, decode_question, identify

SECRET = "hunter2-the-secret"


def record(value, key=None, headers=()):
    data = value if value is None or isinstance(value, bytes) else json.dumps(value).encode()
    return Record("questions", 3, 99, 1_700_000_000_000, key, data, headers)


def ask(value, key=None, *, tenant=None, headers=(), **named):
    return decode_question(QuestionTopic("questions", tenant), record(value, key, headers), **named)


def rejection(value, key=None, **named):
    with pytest.raises(Rejected) as caught:
        ask(value, key, **named)
    assert SECRET not in str(caught.value)
    return caught.value


def test_plain_text_is_the_question():
    asked = ask("Où est la mairie ?".encode())
    assert asked.question == Question(text="Où est la mairie ?")
    assert asked.id == "questions-3-99"
    assert asked.tenant == "default"
    assert asked.at == Offset(topic="questions", partition=3, offset=99)
    assert asked.timestamp == 1_700_000_000_000


def test_a_question_as_json_keeps_all_that_it_says():
    said = {
        "id": "q-7",
        "text": "How?",
        "tenant": "acme",
        "principals": ["user:7"],
        "filters": {"product": "portal"},
        "history": [{"role": "user", "content": "Hi"}],
        "top_k": 3,
        "deadline_ms": 1000,
        "stream": False,
        "language": "fr",
        "after": [{"topic": "documents.changes", "partition": 0, "offset": 1}],
        "allow_stale": True,
    }
    asked = ask(said)
    assert asked.question == Question.model_validate(said)
    assert (asked.id, asked.tenant) == ("q-7", "acme")


def test_the_headers_travel_along():
    headers = (("reply-to", b"replies.a"), ("tracestate", b"a=1"), ("reply-to", None), ("mine", b"x" * 9999))
    assert ask(b"How?", headers=headers).headers == headers[:2]


@pytest.mark.parametrize("text", ['"How?"', "42", "null", "what does {x} mean?", "(a) or [b]?", "- {", "?"])
def test_what_does_not_begin_with_a_bracket_is_text(text):
    assert ask(text.encode()).question.text == text


@pytest.mark.parametrize("before", ["", " ", "\n\t\r ", "\ufeff"])
def test_spaces_before_a_bracket_do_not_turn_json_into_text(before):
    assert ask(before.encode() + b'{"text": "How?"}').question.text == "How?"
    assert rejection(before.encode() + b'{"text": }').code == "invalid_question"


def test_a_byte_order_mark_is_no_part_of_a_plain_question():
    assert ask("\ufeffHow?".encode()).question.text == "How?"


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b" \n",
        b'{"text": ""}',
        b'{"text": "  "}',
        b"{}",
        b"{",
        b"[",
        b'["How?"]',
        b"[]",
        b"{} {}",
        b"\xff\xfe",
        b'{"text": "\xff"}',
        b'{"text": "\\ud800"}',
        b'{"text": NaN}',
        b"[" * 100_000,
        b'{"text": "a", "text": "b"}',
        b"x" * 8001,
        b"x" * 1_048_576,
        {"text": "x" * 8001},
        {"text": "x" * 1_048_576},
        {"text": SECRET, "top_k": 0},
        {"text": SECRET, "top_k": 21},
        {"text": SECRET, "deadline_ms": 99},
        {"text": SECRET, "deadline_ms": 600_001},
        {"text": SECRET, "tenant": SECRET + "!"},
        {"text": [SECRET]},
        {"text": SECRET, "after": [{"topic": "t"}]},
        {"text": SECRET, "history": [{"role": "system", "content": "x"}]},
        {"text": SECRET, "id": ""},
        {"text": SECRET, "principals": [""]},
    ],
)
def test_what_is_no_question_is_refused(value):
    assert rejection(value).code == "invalid_question"


def test_the_longest_question_is_read():
    assert ask("é".encode() * 8000).question.text == "é" * 8000


def test_of_a_long_history_the_latest_turns_are_kept():
    turns = [{"role": "user", "content": f"{number} " + "x" * 31_000} for number in range(20)]
    kept = ask({"text": "And then?", "history": turns}).question.history
    assert [turn.content for turn in kept] == [turn["content"] for turn in turns[-4:]]
    assert ask({"text": "And then?", "history": turns, "more": "y" * 10**6}).size < 5 * 32_000


def test_a_key_is_kept_as_it_is_or_what_tells_it_from_others():
    long, other = b"k" * 10**6, b"k" * 10**6 + b"l"
    assert ask(b"How?", b"42").key == b"42"
    assert ask(b"How?", b"").key is None
    assert len(ask(b"How?", long).key) < 100
    assert ask(b"How?", long).key != ask(b"How?", other).key


def test_a_record_that_is_too_large_is_refused_before_it_is_read():
    assert "3000 bytes" in str(rejection(b"[" * 3000, max_bytes=2000))


def test_a_question_without_a_tenant_has_the_topics_else_the_keys_else_the_default():
    assert ask(b"How?", b"acme/c-7", tenant="globex").tenant == "globex"
    assert ask({"text": "How?"}, b"acme/c-7").tenant == "acme"
    assert ask(b"How?", b"acme/c-7").tenant == "acme"
    assert ask(b"How?", b"conversation-7").tenant == "default"


@pytest.mark.parametrize("key", [None, b"", b"\xff", b"/", b"a b/c", b"acme/"])
def test_any_key_is_fine(key):
    assert ask(b"How?", key).tenant == "default"


def test_a_question_may_name_the_tenant_that_its_topic_is_bound_to():
    assert ask({"text": "How?", "tenant": "acme"}, tenant="acme").tenant == "acme"


def test_a_question_that_names_another_tenant_than_its_topics_is_refused():
    assert rejection({"text": "How?", "tenant": "globex"}, tenant="acme").code == "refused"


def test_unknown_fields_are_ignored_and_told():
    told = []
    assert ask({"text": "How?", "colour": 1}, on_unknown=told.append).question.text == "How?"
    assert told == [["colour"]]


@pytest.mark.parametrize(
    "value", [{"id": "q-7"}, {"id": "q-7", "text": ""}, b'{"id": "q-7", "text": "\\ud800"}']
)
def test_an_invalid_question_keeps_the_id_that_it_names(value):
    assert rejection(value).code == "invalid_question"
    assert identify(QuestionTopic("questions"), record(value)).id == "q-7"


@pytest.mark.parametrize(
    "value", [None, b"", b'{"id": "q', b"\xff", b"[1]", {"id": 7}, {"id": ""}, b"[" * 100_000]
)
def test_an_id_that_can_not_be_read_is_the_records_place(value):
    assert identify(QuestionTopic("questions"), record(value)) == ("questions-3-99", "default")


def test_what_fails_on_a_bound_topic_is_its_tenants():
    said = record({"id": "q-7", "tenant": "globex"})
    assert identify(QuestionTopic("questions", "acme"), said).tenant == "acme"
    assert identify(QuestionTopic("questions"), said).tenant == "globex"


@given(st.none() | st.binary(), st.none() | st.binary() | st.text().map(str.encode))
def test_no_bytes_raise_anything_but_a_rejection(key, value):
    identify(QuestionTopic("questions"), record(value, key))
    with suppress(Rejected):
        ask(value, key)


def test_a_naughty_string_is_a_question_or_refused(test_data):
    for text in json.loads((test_data / "naughty/blns.json").read_text()):
        with suppress(Rejected):
            ask(text.encode(), text.encode())
        if text.strip() and len(text) <= 8000:
            assert ask({"text": text}).question.text == text
