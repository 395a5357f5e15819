"""What a reindex makes of the record of generations, step by step."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from streams.errors import Rejected
from streams.indexing.generations import steps
from streams.indexing.vacuum.vacuum import DELETIONS_KEPT
from streams.ports import Generation, Generations
from streams.stores.encoded import decoded_generations, encoded_generations

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ONE, OTHER = Generation("one", 2, "c"), Generation("other", 3, "d")


class AnyReindex(RuleBasedStateMachine):
    """Commands in any order; those that make no sense now are refused and change nothing."""

    def __init__(self):
        super().__init__()
        self.record = Generations(ONE)
        self.deleted = []
        self.now = NOW

    @rule(wanted=st.sampled_from([ONE, OTHER, replace(OTHER, chunking="e")]))
    @precondition(lambda self: self.record.building is None and self.record.previous is None)
    def begin(self, wanted):
        before = self.record
        self.record = steps.begun(before, wanted)
        assert self.record.building.made_as(wanted)
        assert self.record.live == before.live
        assert steps.begun(self.record, wanted) == self.record

    @rule()
    @precondition(lambda self: self.record.building is not None)
    def switch(self):
        before = self.record
        self.record = steps.switched(before, self.now)
        assert (self.record.live, self.record.previous) == (before.building, before.live)
        with pytest.raises(Rejected, match="--drop"):
            steps.begun(self.record, replace(ONE, embed_model="third"))

    @rule(days=st.integers(1, 60))
    def time_passes(self, days):
        self.now += timedelta(days=days)

    @rule()
    @precondition(lambda self: self.record.previous is not None)
    def roll_back(self):
        before = self.record
        if self.now - before.switched >= DELETIONS_KEPT - timedelta(days=1):
            with pytest.raises(Rejected, match="too old"):
                steps.taken_back(before, self.now)
            return
        self.record = steps.taken_back(before, self.now)
        assert (self.record.live, self.record.building) == (before.live, before.previous)
        assert steps.taken_back(self.record, self.now) == self.record

    @rule()
    @precondition(lambda self: self.record.building is not None)
    def abandon(self):
        self.record = steps.set_aside(self.record)
        self.drop()

    @rule()
    @precondition(lambda self: self.record.previous is not None)
    def drop(self):
        self.record, gone = steps.dropped(self.record)
        self.deleted.append(gone.name)

    @rule()
    def what_makes_no_sense_is_refused(self):
        if self.record.building is None:
            for step in (steps.set_aside, lambda record: steps.switched(record, self.now)):
                with pytest.raises(Rejected):
                    step(self.record)
        else:
            with pytest.raises(Rejected, match="--abandon"):
                steps.begun(self.record, replace(ONE, embed_model="third"))
            if not self.record.returning:
                with pytest.raises(Rejected, match="--abandon"):
                    steps.taken_back(self.record, self.now)
        if self.record.previous is None:
            with pytest.raises(Rejected):
                steps.dropped(self.record)

    @invariant()
    def no_two_generations_share_a_name_and_none_has_one_that_was_deleted(self):
        names = [one.name for one in (self.record.live, self.record.building, self.record.previous) if one]
        assert len(names) == len(set(names))
        assert not set(names) & set(self.deleted)

    @invariant()
    def only_what_is_built_can_be_on_its_way_back(self):
        assert self.record.building is not None or not self.record.returning

    @invariant()
    def there_is_room_for_the_next_step_and_it_can_be_written_down(self):
        assert self.record.building is None or self.record.previous is None
        assert decoded_generations(encoded_generations(self.record)) == self.record


TestAnyReindex = AnyReindex.TestCase
