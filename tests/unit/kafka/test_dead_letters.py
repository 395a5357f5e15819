"""Dead letters as they are listed."""

from datetime import UTC, datetime

import pytest

from streams.errors import Rejected
from streams.kafka.dead import letter_of, place
from streams.messages.dead import dead_letter
from streams.messages.records import Offset, Record


def test_a_letter_says_why_it_died_and_where_it_stood():
    record = Record("documents.changes", 2, 9, 5, b"acme/1", b"{}", ())
    died = datetime(2026, 1, 2, tzinfo=UTC)
    out = dead_letter(
        record, Rejected("no text: add one", code="unmapped"), attempts=1, at=died, topic="d", max_bytes=9999
    )
    letter = letter_of(Record("d", 0, 4, 6, out.key, out.value, out.headers))
    assert (letter.code, letter.message, letter.attempts) == ("unmapped", "no text: add one", "1")
    assert letter.source == "documents.changes-2-9"
    assert letter.died == "2026-01-02T00:00:00+00:00"
    assert letter.at == Offset(topic="d", partition=0, offset=4)
    assert not letter.truncated


def test_a_record_that_is_no_dead_letter_says_nothing():
    letter = letter_of(Record("d", 0, 4, 6, None, b"", (("dead-topic", b"t"),)))
    assert (letter.code, letter.source, letter.attempts, letter.died) == (None, None, None, None)


def test_a_place_is_named_as_it_is_listed():
    assert place("questions.dead-3-17", "questions.dead") == Offset(
        topic="questions.dead", partition=3, offset=17
    )
    for text in ("questions.dead-3", "questions-3-17", "questions.dead-x-1", "", "questions.dead-1-2-"):
        with pytest.raises(Rejected, match=r"questions\.dead-PARTITION-OFFSET"):
            place(text, "questions.dead")
