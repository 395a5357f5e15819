"""Queues by key: order within one, none between them, and no key claimed for nothing."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from streams.agents.pump.lanes import Lanes

keys = st.sampled_from("abc")


class AnyUse(RuleBasedStateMachine):
    """Lanes against a plain model: what waits of each key, and which keys are out."""

    def __init__(self):
        super().__init__()
        self.lanes = Lanes()
        self.waiting = {}
        self.out = {}
        self.next = 0

    @rule(key=keys)
    def put(self, key):
        self.lanes.put(key, self.next)
        self.waiting.setdefault(key, []).append(self.next)
        self.next += 1

    @rule()
    def take(self):
        taken = self.lanes.take()
        ready = [key for key, line in self.waiting.items() if line and key not in self.out]
        if taken is None:
            assert not ready
            return
        key, items = taken
        assert key in ready
        assert items == self.waiting[key]
        self.out[key] = items
        self.waiting[key] = []

    @rule(data=st.data())
    def put_back_and_release(self, data):
        if not self.out:
            return
        key = data.draw(st.sampled_from(sorted(self.out)))
        items = self.out.pop(key)
        back = items[data.draw(st.integers(0, len(items))) :]
        self.lanes.put_back(key, back)
        self.waiting[key] = back + self.waiting[key]
        self.lanes.release(key)

    @rule(data=st.data())
    def abandon(self, data):
        if not self.out:
            return
        key = data.draw(st.sampled_from(sorted(self.out)))
        self.lanes.abandon(key)
        del self.out[key]
        self.waiting[key] = []

    @rule(even=st.booleans())
    def keep(self, even):
        dropped = self.lanes.keep(lambda item: item % 2 == even)
        gone = [item for line in self.waiting.values() for item in line if item % 2 != even]
        assert sorted(dropped) == sorted(gone)
        self.waiting = {key: [i for i in line if i % 2 == even] for key, line in self.waiting.items()}

    @invariant()
    def empty_means_empty(self):
        assert self.lanes.empty == (not self.out and not any(self.waiting.values()))


AnyUse.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
test_any_use_of_lanes_keeps_each_keys_order = AnyUse.TestCase
