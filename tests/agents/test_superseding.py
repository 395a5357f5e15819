"""Which of the changes that wait stands for which: never one that would end otherwise, one by one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streams.agents.superseding import supersede
from streams.agents.work import Combined
from streams.messages.changes import Change
from streams.messages.records import Offset


def change(offset, *, time=None, order=None, partition=0, topic="t"):
    at = Offset(topic=topic, partition=partition, offset=offset)
    return Change(source="t", record_key="k", at=at, timestamp=1_000, time=time, order=order)


@st.composite
def lines(draw):
    number = st.integers(1, 3)
    drawn = draw(st.lists(st.tuples(st.none() | number, st.none() | number, st.integers(0, 1)), min_size=1))
    return [change(n, time=t, order=o, partition=p) for n, (t, o, p) in enumerate(drawn)]


def applied(document, one):
    """A document's (time, order, partition, offset) after a change, as the contract orders them."""
    inherits = one.time is None and one.order is None
    time, order = document[:2] if inherits else (one.time or 0, one.order or 0)
    position = (time, order, one.at.partition, one.at.offset)
    newer = (time, order) > document[:2] or ((time, order) == document[:2] and later(document, one))
    return position if newer else document


def later(document, one):
    """Between equal times the log decides; across partitions, here, the later in line."""
    return document[2] != one.at.partition or one.at.offset > document[3]


@given(lines(), st.integers(0, 4), st.integers(0, 4))
def test_a_document_ends_the_same_as_with_each_change_applied(line, time, order):
    one_by_one = combined = (time, order, -1, -1)
    for one in line:
        one_by_one = applied(one_by_one, one)
    while line:
        chosen = supersede(line)
        assert 0 <= chosen.winner < chosen.length <= len(line)
        combined = applied(combined, line[chosen.winner])
        line = line[chosen.length :]
    assert combined == one_by_one


def test_of_changes_without_a_time_the_last_one_stands_for_all():
    assert supersede([change(1), change(2), change(3)]) == Combined(3, 2)


def test_of_changes_with_times_the_latest_stands_for_all_wherever_it_is():
    assert supersede([change(1, time=5), change(2, time=9), change(3, time=7)]) == Combined(3, 1)
    assert supersede([change(1, time=5, order=2), change(2, time=5, order=1)]) == Combined(2, 0)


def test_a_change_that_inherits_its_time_is_not_mixed_with_those_that_have_one():
    assert supersede([change(1, time=5), change(2)]) == Combined(1, 0)
    assert supersede([change(1), change(2, time=5)]) == Combined(1, 0)


def test_changes_from_two_partitions_are_not_mixed():
    assert supersede([change(8), change(1, partition=1)]) == Combined(1, 0)
    assert supersede([change(8), change(9, topic="retry")]) == Combined(1, 0)
