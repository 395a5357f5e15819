"""What is known to be superseded: never the current head, no more than there is room for, not for ever."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.messages.held import head_id
from streams.stores.weaviate import superseded
from streams.stores.weaviate.superseded import AT_ONCE, FEW, KEPT_S, Superseded
from tests.contract.held import at, key

DOC, OTHER = key("doc"), key("other")


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def known(clock):
    return Superseded(clock)


def texts(*times):
    return [str(at(time)) for time in times]


def ids(*times, document=DOC):
    return {head_id(document, at(time)) for time in times}


def test_a_document_with_few_heads_is_read_whole(known):
    known.learn(DOC, texts(*range(FEW)))
    assert (known.best([DOC]), known.ids([DOC])) == ({}, [])


def test_all_but_the_highest_need_not_be_read_again(known):
    known.learn(DOC, texts(3, 1, 9, 2, 4, 5))
    assert known.best([DOC, OTHER]) == {DOC: str(at(9))}
    assert set(known.ids([DOC, OTHER])) == ids(1, 2, 3, 4, 5)
    known.learn(DOC, texts(9, 11))
    assert known.best([DOC]) == {DOC: str(at(11))}
    assert set(known.ids([DOC])) == ids(1, 2, 3, 4, 5, 9)
    known.forget(DOC)
    assert (known.best([DOC]), known.ids([DOC])) == ({}, [])


@given(st.lists(st.lists(st.integers(0, 50), min_size=1, max_size=9), min_size=1))
def test_what_is_left_out_stands_below_the_highest_that_was_seen(looks):
    known = Superseded(Clock())
    for times in looks:
        known.learn(DOC, texts(*times))
        for best in known.best([DOC]).values():
            assert set(known.ids([DOC])) <= ids(*(time for time in range(51) if str(at(time)) < best))


def test_what_the_vacuum_has_taken_long_ago_is_forgotten(known, clock):
    known.learn(DOC, texts(*range(1, 7)))
    clock.now = KEPT_S / 2
    known.learn(DOC, texts(6, 7))
    clock.now = KEPT_S
    known.learn(DOC, texts(7))
    assert set(known.ids([DOC])) == ids(6)
    clock.now = 2 * KEPT_S
    known.learn(DOC, texts(7))
    assert (known.best([DOC]), known.ids([DOC])) == ({}, [])


def test_of_one_document_the_latest_are_known(known):
    known.learn(DOC, texts(*range(AT_ONCE + 10)))
    assert set(known.ids([DOC])) == ids(*range(9, AT_ONCE + 9))


def test_there_is_room_for_those_that_were_looked_at_last(monkeypatch, clock):
    monkeypatch.setattr(superseded, "ROOM", 12)
    known = Superseded(clock)
    known.learn(DOC, texts(*range(6)))
    known.learn(OTHER, texts(*range(6)))
    known.learn(DOC, texts(5))
    known.learn(key("third"), texts(*range(6)))
    assert set(known.best([DOC, OTHER, key("third")])) == {DOC, key("third")}
    for _ in range(5):
        known.forget(DOC)
        known.learn(DOC, texts(*range(6)))
    assert set(known.best([DOC, OTHER, key("third")])) == {DOC, key("third")}
