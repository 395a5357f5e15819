"""Dead letters: what they keep, what they say, and how they are read back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.errors import Rejected
from streams.messages.dead import (
    DEAD,
    MESSAGE_CHARACTERS,
    dead_letter,
    died_first,
    original,
    refused,
    replay,
    size_of,
)
from streams.messages.records import Record

AT = datetime(2026, 11, 22, 10, tzinfo=UTC)
ERROR = Rejected("not valid JSON at byte 17", code="invalid_change")
LIMIT = 1_000_000

payload = st.none() | st.binary(max_size=40)
header = st.tuples(st.text(max_size=10).filter(lambda name: name not in DEAD), payload)
records = st.builds(
    Record,
    topic=st.from_regex(r"[a-zA-Z0-9._-]{1,60}", fullmatch=True),
    partition=st.integers(0, 2**31 - 1),
    offset=st.integers(0, 2**63 - 1),
    timestamp=st.integers(0, 2**63 - 1),
    key=payload,
    value=payload,
    headers=st.lists(header, max_size=4).map(tuple),
)


def buried(record, error=ERROR, *, max_bytes=LIMIT, sent_back=False, parts=(), at=AT):
    return dead_letter(
        record, error, attempts=3, at=at, topic="documents.dead", max_bytes=max_bytes, sent_back=sent_back,
        parts=parts,
    )  # fmt: skip


def consumed(outgoing, topic="documents.retry", offset=9):
    return Record(topic, 0, offset, 77, outgoing.key, outgoing.value, outgoing.headers)


def text(outgoing, name):
    values = [value for header, value in outgoing.headers if header == name]
    assert len(values) == 1, f"{name} stands {len(values)} times"
    return values[0].decode()


A_RECORD = Record("documents.changes", 2, 41, 1_000, b"acme/1", b"\xff{", (("a", b"1"), ("a", None)))


@given(records)
def test_a_dead_letter_sent_back_is_the_record_that_it_was(record):
    assert original(consumed(replay(consumed(buried(record)), topic="documents.retry"))) == record


@given(st.sets(st.integers(0, 40), min_size=1))
def test_a_dead_letter_says_which_of_the_records_changes_were_refused(parts):
    told = refused(consumed(buried(A_RECORD, parts=sorted(parts))))
    assert {part for stretch in told for part in stretch} == parts


def test_a_dead_letter_that_names_no_changes_or_too_many_is_wholly_refused():
    assert refused(consumed(buried(A_RECORD))) is None
    assert refused(consumed(buried(A_RECORD, parts=range(0, 9000, 2)))) is None
    assert refused(replace(A_RECORD, headers=(("dead-parts", b"1,x"),))) is None


@given(records)
def test_a_dead_letter_can_always_be_produced(record):
    outgoing = buried(record)
    assert outgoing.key is not None or outgoing.value is not None


def test_a_dead_letter_keeps_bytes_and_headers_and_says_why_and_where():
    outgoing = buried(A_RECORD)
    assert (outgoing.topic, outgoing.key, outgoing.value) == ("documents.dead", b"acme/1", b"\xff{")
    assert outgoing.headers[:2] == A_RECORD.headers
    said = {name: text(outgoing, name) for name in DEAD - {"dead-null", "dead-parts", "dead-truncated"}}
    assert said == {
        "dead-code": "invalid_change",
        "dead-message": "not valid JSON at byte 17",
        "dead-topic": "documents.changes",
        "dead-partition": "2",
        "dead-offset": "41",
        "dead-timestamp": "1000",
        "dead-attempts": "3",
        "dead-at": "2026-11-22T10:00:00+00:00",
        "dead-first-at": "2026-11-22T10:00:00+00:00",
    }


@given(records)
def test_a_second_death_replaces_the_headers_of_the_first_and_keeps_where_it_first_stood(record):
    first = buried(record)
    second = buried(consumed(first), Rejected("worse", code="poison"), sent_back=True)
    assert text(second, "dead-code") == "poison"
    assert original(consumed(second)) == record
    assert len(second.headers) == len(first.headers)


def test_coordinates_forged_on_a_change_topic_are_not_believed():
    forged = replace(consumed(buried(A_RECORD)), topic="documents.evil", offset=5)
    outgoing = buried(forged)
    assert (text(outgoing, "dead-topic"), text(outgoing, "dead-offset")) == ("documents.evil", "5")


@pytest.mark.parametrize("name", ["dead-topic", "dead-partition", "dead-offset", "dead-timestamp"])
@pytest.mark.parametrize("value", [None, b"", b"\xff", b"-1", b"1e3", b"9" * 20])
def test_a_record_on_a_retry_topic_without_sound_coordinates_is_refused(name, value):
    if name == "dead-topic" and value:
        value = b"t" * 250
    sound = consumed(buried(A_RECORD))
    broken = replace(sound, headers=tuple((n, value if n == name else v) for n, v in sound.headers))
    with pytest.raises(Rejected, match=name) as refused:
        original(broken)
    assert refused.value.code == "invalid_retry"
    assert text(buried(broken, refused.value, sent_back=True), "dead-topic") == "documents.retry"


def test_a_record_too_large_to_be_written_whole_becomes_a_pointer():
    large = replace(A_RECORD, value=b"x" * 5_000)
    outgoing = buried(large, max_bytes=2_000)
    assert (outgoing.key, outgoing.value) == (None, b"")
    assert text(outgoing, "dead-truncated") == str(large.size)
    assert text(outgoing, "dead-offset") == "41"
    with pytest.raises(Rejected, match=r"documents\.changes-2-41") as refused:
        replay(consumed(outgoing), topic="documents.retry")
    assert refused.value.code == "truncated"


def test_a_pointer_drops_headers_that_are_too_large_themselves():
    outgoing = buried(replace(A_RECORD, headers=(("big", b"x" * 5_000),)), max_bytes=2_000)
    assert {name for name, _ in outgoing.headers} <= DEAD
    assert size_of(outgoing.key, outgoing.value, outgoing.headers) <= 2_000


@given(records, st.integers(1_500, 3_000))
def test_a_dead_letter_fits_the_limit(record, limit):
    outgoing = buried(replace(record, value=b"x" * 2_500), max_bytes=limit)
    assert size_of(outgoing.key, outgoing.value, outgoing.headers) <= limit


def test_the_message_is_one_bounded_line():
    outgoing = buried(A_RECORD, Rejected("a\nb\r\n" + "c" * 5_000, code="x"))
    message = text(outgoing, "dead-message")
    assert message.startswith("a b c")
    assert len(message) == MESSAGE_CHARACTERS


def test_a_letter_keeps_when_it_died_first_however_often_it_is_sent_back():
    again = buried(consumed(buried(A_RECORD)), sent_back=True, at=AT + timedelta(days=40))
    assert (text(again, "dead-at"), text(again, "dead-first-at")) == (
        "2027-01-01T10:00:00+00:00",
        "2026-11-22T10:00:00+00:00",
    )
    forged = replace(consumed(again), topic="documents.changes")
    assert text(buried(forged), "dead-first-at") == "2026-11-22T10:00:00+00:00"


@pytest.mark.parametrize("first", [None, b"", b"soon", b"2026-11-22T10:00:00"])
def test_one_that_does_not_say_when_it_died_first_counts_from_when_it_was_written(first):
    letter = consumed(buried(A_RECORD))
    bare = tuple((name, first if name == "dead-first-at" else value) for name, value in letter.headers)
    bare = replace(letter, headers=tuple((name, value) for name, value in bare if value is not None))
    assert died_first(letter) == AT
    assert died_first(bare) == datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)
    assert died_first(consumed(buried(bare, sent_back=True))) == died_first(bare)


def test_one_that_died_too_long_ago_is_not_sent_back():
    letter = consumed(buried(A_RECORD))
    assert replay(letter, topic="documents.retry", oldest=AT)
    with pytest.raises(Rejected, match="send it") as refused:
        replay(letter, topic="documents.retry", oldest=AT + timedelta(seconds=1))
    assert refused.value.code == "too_old"


def test_a_letter_of_a_later_version_that_says_more_is_sent_back_as_any_other():
    letter = buried(A_RECORD)
    later = replace(letter, headers=(*letter.headers, ("dead-later", b"x")))
    back = consumed(replay(consumed(later), topic="documents.retry"))
    assert replace(original(back), headers=A_RECORD.headers) == A_RECORD
    again = buried(back, sent_back=True)
    assert text(again, "dead-offset") == "41"
    assert text(again, "dead-later") == "x"
