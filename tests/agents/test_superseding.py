"""Which of the changes that wait stands for which: never one that would end otherwise, one by one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.agents.pump.work import Combined
from streams.agents.superseding import supersede
from streams.indexing.order import position_of, stale
from streams.messages.changes import Change, Incomplete, document_key
from streams.messages.held import Head
from streams.messages.position import Position
from streams.messages.records import Offset

KEY = document_key("t", "k")


def change(offset, *, time=None, order=None, partition=0, topic="t", timestamp=1_000, early=False):
    at = Offset(topic=topic, partition=partition, offset=offset)
    return Change("t", "k", at=at, timestamp=timestamp, time=time, order=order, early=early)


@st.composite
def lines(draw):
    number = st.integers(1, 3)
    part = st.tuples(st.none() | number, st.none() | number, st.integers(0, 1), number, st.booleans())
    drawn = draw(st.lists(part, min_size=1, max_size=8))
    return [
        change(n, time=time, order=order, partition=partition, timestamp=timestamp, early=early)
        for n, (time, order, partition, timestamp, early) in enumerate(drawn, 1)
    ]


def head(position, at):
    return Head(
        document_key=KEY, position=position, deleted=True, tenant=None, document_id=None, title=None,
        url=None, language=None, readers=(), metadata=(), source="t", record_key="k", topic=at.topic,
        partition=at.partition, offset=at.offset, written=datetime(2026, 11, 22, tzinfo=UTC),
    )  # fmt: skip


def applied(document, one):
    return document if stale(one, document) else head(position_of(one, document), one.at)


documents = st.none() | st.builds(
    lambda time, order, timestamp, partition, offset: head(
        Position(time, order, timestamp, offset), Offset(topic="t", partition=partition, offset=offset)
    ),
    *[st.integers(0, 4)] * 3,
    st.integers(0, 1),
    st.integers(0, 9),
)


@settings(max_examples=500)
@given(lines(), documents)
def test_a_document_ends_the_same_as_with_each_change_applied(line, document):
    one_by_one = combined = document
    for one in line:
        one_by_one = applied(one_by_one, one)
    while line:
        chosen = supersede(line)
        assert 0 <= chosen.winner < chosen.length <= len(line)
        combined = applied(combined, line[chosen.winner])
        line = line[chosen.length :]
    assert combined == one_by_one


def test_of_two_whose_statements_began_only_with_both_places_in_the_log_one_stands_for_the_other():
    placeless, placed = change(1, time=2, early=True), change(2, time=3, order=2, early=True)
    assert supersede([placeless, placed]) == Combined(1, 0)
    document = head(Position(1, 4, 1_000, 9), Offset(topic="t", partition=0, offset=9))
    assert applied(applied(document, placeless), placed) != applied(document, placed)


def incomplete(one):
    return replace(one, document=Incomplete(("body",), lambda row: replace(one, row=dict(row))))


def body_after(body, one):
    """What the column `body` is after a change: its offset, or what it was where the record leaves it out."""
    return body if isinstance(one.document, Incomplete) else one.at.offset


def applied_with_body(state, one):
    document, body = state
    return (
        state if stale(one, document) else (head(position_of(one, document), one.at), body_after(body, one))
    )


@settings(max_examples=500)
@given(lines(), documents, st.data())
def test_what_a_record_leaves_out_is_taken_from_the_same_row_as_with_each_change_applied(
    line, document, data
):
    line = [incomplete(one) if data.draw(st.booleans()) else one for one in line]
    one_by_one = combined = (document, "before")
    for one in line:
        one_by_one = applied_with_body(one_by_one, one)
    while line:
        chosen = supersede(line)
        combined = applied_with_body(combined, line[chosen.winner])
        line = line[chosen.length :]
    assert combined == one_by_one


def test_a_change_that_leaves_columns_out_stands_for_none_that_may_have_them():
    line = [change(1, time=5), incomplete(change(2, time=6)), change(3, time=7)]
    assert supersede(line[:2]) == Combined(1, 0)
    assert supersede(line) == Combined(3, 2)


def test_a_deletion_whose_row_moved_takes_the_row_before_and_keeps_it_for_the_new_key():
    moved = replace(change(2, time=2), moved_to="other")
    assert supersede([change(1, time=1), moved, change(3, time=3)]) == Combined(1, 0)
    assert supersede([moved, change(3, time=2), change(4, time=3)]) == Combined(1, 0)


def test_of_changes_without_a_time_the_last_one_stands_for_all():
    assert supersede([change(1), change(2), change(3)]) == Combined(3, 2)


def test_of_changes_with_times_the_latest_stands_for_all_wherever_it_is():
    assert supersede([change(1, time=5), change(2, time=9), change(3, time=7)]) == Combined(3, 1)
    assert supersede([change(1, time=5, order=2), change(2, time=5, order=1)]) == Combined(2, 0)


def test_a_change_that_inherits_its_time_is_not_mixed_with_those_that_have_one():
    assert supersede([change(1, time=5), change(2)]) == Combined(1, 0)
    assert supersede([change(1), change(2, time=5)]) == Combined(1, 0)


def test_a_change_that_comes_again_is_not_mixed_with_later_ones_of_its_log():
    assert supersede([change(9), change(3)]) == Combined(1, 0)


def test_changes_from_two_partitions_are_not_mixed():
    assert supersede([change(8), change(1, partition=1)]) == Combined(1, 0)
    assert supersede([change(8), change(9, topic="retry")]) == Combined(1, 0)


def test_a_change_whose_timestamp_goes_back_is_not_mixed_with_the_one_before_it():
    assert supersede([change(1, timestamp=9), change(2, timestamp=8)]) == Combined(1, 0)
