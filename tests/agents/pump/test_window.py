"""Ordered acknowledgement, whatever the order of finishing."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streams.agents.pump.window import Window

offsets = st.lists(st.integers(0, 500), min_size=1, max_size=40, unique=True).map(sorted)


@given(offsets, st.randoms(use_true_random=False))
def test_no_order_of_finishing_acknowledges_past_a_hole(all_offsets, shuffle):
    window = Window()
    entries = [window.accept(offset) for offset in all_offsets]
    order = entries[:]
    shuffle.shuffle(order)
    committed = 0
    for entry in order:
        upto = window.finish(entry)
        unfinished = [other.offset for other in entries if not other.done]
        if upto is not None:
            assert upto > committed
            committed = upto
        assert all(offset >= committed for offset in unfinished)
        # Nor does it hold back what may be acknowledged.
        first = min(unfinished, default=all_offsets[-1] + 1)
        finished = [offset for offset in all_offsets if offset < first]
        assert committed == (finished[-1] + 1 if finished else 0)
    assert len(window) == 0


@given(offsets, st.data())
def test_holes_are_the_unfinished_in_front_of_one_that_is_begun_or_finished(all_offsets, data):
    window = Window()
    entries = [window.accept(offset) for offset in all_offsets]
    begun = data.draw(st.sets(st.sampled_from(entries)))
    finished = data.draw(st.sets(st.sampled_from(entries)))
    for entry in begun:
        entry.begun = True
    for entry in finished:
        window.finish(entry)
    last = max((entry.offset for entry in begun | finished), default=-1)
    assert window.holes() == {e for e in entries if e not in finished and e.offset < last}


def test_a_window_holds_what_finished_behind_an_unfinished_head():
    window = Window()
    head, *rest = [window.accept(offset) for offset in range(5)]
    for entry in rest:
        assert window.finish(entry) is None
    assert len(window) == 5
    assert window.finish(head) == 5
