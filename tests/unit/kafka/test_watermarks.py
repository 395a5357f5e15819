"""Committed offsets, read as how far the index is."""

from hypothesis import given
from hypothesis import strategies as st

from streams.kafka.watermarks import applied_of, unreachable
from streams.messages.records import Offset, reached


def at(topic, partition, offset):
    return Offset(topic=topic, partition=partition, offset=offset)


def test_the_last_offset_dealt_with_is_the_one_before_the_next():
    committed = {("b", 0): 5, ("a", 1): 1}
    assert applied_of(committed) == (at("a", 1, 0), at("b", 0, 4))


def test_a_partition_in_which_nothing_is_dealt_with_is_absent():
    assert applied_of({("a", 0): 0}) == ()


committed = st.dictionaries(st.tuples(st.sampled_from("ab"), st.integers(0, 2)), st.integers(0, 9))


@given(committed, st.tuples(st.sampled_from("ab"), st.integers(0, 2), st.integers(0, 9)))
def test_an_offset_is_reached_exactly_where_the_next_to_read_is_behind_it(upto, asked):
    topic, partition, offset = asked
    assert reached([at(*asked)], applied_of(upto)) is (upto.get((topic, partition), 0) > offset)


def test_nothing_asked_for_is_reached_and_all_must_be():
    assert reached([], [])
    assert not reached([at("a", 0, 1), at("b", 0, 1)], [at("a", 0, 1)])


def test_what_is_on_no_source_is_never_reached():
    after = [at("a", 0, 9), at("a", 2, 0), at("other", 0, 0)]
    assert unreachable(after, {"a": 2}) == tuple(after[1:])
