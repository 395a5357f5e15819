"""Records of the done log: what is written is what is read."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from streams.kafka.progress import (
    Finished,
    Started,
    finished_of,
    finished_record,
    question_offset,
    started_of,
    started_record,
    terminal_of,
)
from streams.messages.records import Offset, Outgoing, Record

AT = Offset(topic="questions-of-acme", partition=3, offset=17)

headers = st.lists(
    st.tuples(st.text(max_size=5).map(lambda name: "x" + name), st.none() | st.binary(max_size=5)), max_size=4
)


def written(outgoing):
    return Record(outgoing.topic, outgoing.partition, 0, 0, outgoing.key, outgoing.value, outgoing.headers)


@given(
    st.text(min_size=1, max_size=9),
    st.none() | st.binary(max_size=9),
    st.binary(max_size=50),
    headers.map(tuple),
)
def test_a_terminal_event_is_read_back_byte_for_byte(topic, key, value, sent):
    terminal = Outgoing(topic, key, value, sent)
    record = written(finished_record("questions.done", AT, terminal))
    assert terminal_of(record) == terminal
    assert started_of(record) is None
    record = written(finished_record("questions.done", AT, terminal, instead=True))
    assert finished_of(record) == Finished(terminal, instead=True)


def test_a_record_is_for_its_question_and_on_that_partition():
    for outgoing in (
        started_record("questions.done", AT, 2),
        finished_record("questions.done", AT, Outgoing("a", b"", b"")),
    ):
        assert outgoing.partition == 3
        assert outgoing.key == b"questions-of-acme-3-17"
        assert question_offset(written(outgoing), "questions-of-acme") == 17
        assert question_offset(written(outgoing), "questions-of") is None
        assert question_offset(written(outgoing), "acme") is None


def test_an_attempt_is_read_back():
    record = written(started_record("questions.done", AT, 2))
    assert started_of(record) == Started(2)
    assert terminal_of(record) is None


def test_what_somebody_else_wrote_there_says_nothing():
    for key, value, sent in [
        (None, None, ()),
        (b"\xff", b"x", (("done-state", b"finished"),)),
        (b"questions-of-acme-3-x", b"x", (("done-state", b"started"), ("done-attempt", b"one"))),
    ]:
        record = Record("questions.done", 3, 0, 0, key, value, sent)
        assert question_offset(record, "questions-of-acme") is None
        assert started_of(record) is None
        assert terminal_of(record) is None


def test_what_a_later_version_writes_besides_into_the_log_is_not_sent_with_an_answer():
    terminal = Outgoing("answers", b"q", b"{}", (("schema-version", b"1"),))
    for record in (
        written(finished_record("questions.done", AT, terminal)),
        written(started_record("questions.done", AT, 2)),
    ):
        later = replace(record, headers=(*record.headers, ("done-later", b"x")))
        assert terminal_of(later) == terminal_of(record)
        assert started_of(later) == started_of(record)
