from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streams.indexing.batching.fit import AFTER, AFTER_MOST, Fit


def calls_until_larger(fit):
    """Full calls that go well before a larger one is tried."""
    before = fit.size
    for number in range(1, 10 * AFTER_MOST):
        fit.well(fit.size)
        if fit.size > before:
            return number
    return None


def test_calls_are_halved_down_to_one_item():
    fit, sizes = Fit(32), []
    while fit.size > 1:
        fit.too_much(fit.size)
        sizes.append(fit.size)
    assert sizes == [16, 8, 4, 2, 1]


def test_two_calls_of_one_size_that_were_too_much_halve_it_once():
    fit = Fit(32)
    fit.too_much(32)
    fit.too_much(32)
    assert fit.size == 16


def test_after_many_full_calls_a_larger_one_is_tried():
    fit = Fit(32)
    fit.too_much(32)
    assert calls_until_larger(fit) == 2 * AFTER
    assert fit.size == 32


def test_a_larger_call_is_tried_soon_where_it_was_perhaps_a_hang():
    fit = Fit(32)
    for _ in range(3):
        fit.too_much(32, sure=False)
        assert (fit.size, calls_until_larger(fit)) == (16, AFTER)


@given(size=st.integers(2, 64), items=st.integers(1, 64))
def test_small_calls_make_up_for_large_ones_by_their_items(size, items):
    fit = Fit(size)
    fit.too_much(size, sure=False)
    before, said = fit.size, 0
    while fit.size == before:
        fit.well(items)
        said += items
    assert AFTER * before <= said < AFTER * before + items


def test_larger_calls_are_tried_less_and_less_where_they_fail_and_as_often_as_ever_once_one_went_well():
    fit, waits = Fit(32), []
    for _ in range(8):
        fit.too_much(32)
        waits.append(calls_until_larger(fit))
    assert waits == sorted(waits)
    assert waits[-1] == AFTER_MOST
    fit.well(32)
    fit.too_much(32)
    assert calls_until_larger(fit) == 2 * AFTER


@given(most=st.integers(1, 40), said=st.lists(st.tuples(st.booleans(), st.integers(1, 40)), max_size=200))
def test_a_call_has_between_one_item_and_the_most(most, said):
    fit = Fit(most)
    for well, items in said:
        (fit.well if well else fit.too_much)(items)
        assert 1 <= fit.size <= most
