"""Dead letters as they are listed."""

from datetime import UTC, datetime, timedelta

import pytest

from streams.errors import Rejected
from streams.indexing.vacuum.vacuum import remembered_since
from streams.kafka.dead import letter_of, place, send_back
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


async def test_one_that_died_too_long_ago_is_not_sent_back_and_the_next_one_is():
    sent = []

    async def send(outgoing):
        sent.append(outgoing)
        return Offset(topic=outgoing.topic, partition=0, offset=0)

    def died(at):
        record = Record("docs", 0, 1, 1, b"k", b"v")
        error = Rejected("why", code="x")
        out = dead_letter(record, error, attempts=1, at=at, topic="documents.dead", max_bytes=10_000)
        return letter_of(Record(out.topic, 0, 0, 0, out.key, out.value, out.headers))

    now = datetime(2026, 11, 22, tzinfo=UTC)
    letters = [died(now - timedelta(days=days)) for days in (45, 43)]
    done = [
        await send_back(letter, send=send, retry_topic="documents.retry", oldest=remembered_since(now))
        for letter in letters
    ]
    assert [one.refused and one.refused.code for one in done] == ["too_old", None]
    assert len(sent) == 1
