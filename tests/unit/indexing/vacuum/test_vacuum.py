from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from streams.errors import Retryable
from streams.indexing.vacuum.bury import Burial
from streams.indexing.vacuum.sweeper import Sweeper
from streams.indexing.vacuum.vacuum import Vacuum, Vacuumed
from streams.ports import Observed
from tests.unit.indexing.test_indexer import Bench
from tests.unit.indexing.test_plan import change

KEY = change(0).key
DAY = 86_400.0


class Swept(Bench):
    """A bench with a vacuum beside it."""

    def __init__(self):
        super().__init__()
        self.vacuum = self.another()

    def another(self, store=None):
        return Vacuum(
            store or self.store,
            now=self.clock.now,
            monotonic=self.clock.monotonic,
            observe=self.events.append,
        )

    async def settle_after(self, seconds):
        self.clock.t += seconds
        return (await self.vacuum.settle([KEY]))[KEY]

    def held(self):
        return sorted(passage.text for passage in self.store.held.values())


@pytest.fixture
def bench():
    return Swept()


async def test_what_is_superseded_goes_once_the_grace_is_over(bench):
    await bench.apply(1, "a\n\nb")
    await bench.apply(2, "a\n\nc")
    assert await bench.settle_after(0) == Vacuumed(waiting=1)
    assert await bench.settle_after(119) == Vacuumed(waiting=1)
    assert bench.held() == ["a", "b", "c"]
    assert await bench.settle_after(1) == Vacuumed(passages=1, heads=1)
    assert bench.held() == ["a", "c"]
    assert await bench.settle_after(1) == Vacuumed()
    assert bench.count("vacuumed_passages") == 1


async def test_the_grace_counts_from_when_the_head_was_seen_not_from_its_stamp(bench):
    await bench.apply(1, "a")
    await bench.apply(2, "b")
    assert await bench.settle_after(3000) == Vacuumed(waiting=1)
    assert await bench.settle_after(120) == Vacuumed(passages=1, heads=1)


async def test_a_head_stamped_long_ago_needs_not_have_been_seen(bench):
    await bench.apply(1, "a")
    await bench.apply(2, "b")
    assert await bench.settle_after(3600) == Vacuumed(passages=1, heads=1)


async def test_a_new_head_begins_a_grace_of_its_own(bench):
    await bench.apply(1, "a")
    await bench.apply(2, "b")
    await bench.settle_after(0)
    bench.clock.t += 100
    await bench.apply(3, "c")
    assert await bench.settle_after(20) == Vacuumed(passages=1, heads=1, waiting=1)
    assert bench.held() == ["b", "c"]
    assert await bench.settle_after(119) == Vacuumed(waiting=1)
    assert await bench.settle_after(1) == Vacuumed(passages=1, heads=1)
    assert bench.held() == ["c"]


async def test_a_document_that_is_edited_all_the_time_holds_what_is_younger_than_two_graces(bench):
    for edit in range(1, 60):
        await bench.apply(edit, f"always\n\nedit {edit}")
        await bench.settle_after(10)
        heads, held = bench.store.all_heads[KEY], bench.held()
        assert len(heads) <= 25
        assert len(held) == len(heads) + 1
        assert {entry.id for head in heads.values() for entry in head.passages} == {
            passage.id for passage in bench.store.held.values()
        }
    assert len(bench.store.all_heads[KEY]) >= 12


async def test_what_a_head_between_the_base_and_the_current_one_lists_is_kept(bench):
    await bench.apply(1, "a\n\nb")
    await bench.settle_after(0)
    await bench.apply(2, "a\n\nc")
    await bench.settle_after(0)
    bench.clock.t += 60
    await bench.apply(3, "a\n\nb")
    await bench.apply(4, "a\n\nd")
    assert await bench.settle_after(60) == Vacuumed(passages=1, heads=1, waiting=1)
    assert bench.held() == ["a", "b", "c", "d"]


async def test_a_head_written_over_another_begins_a_grace_of_its_own(bench):
    await bench.apply(1, "a")
    await bench.apply(2, "b")
    await bench.settle_after(0)
    bench.clock.t += 100
    head = bench.store.current(KEY)
    bench.store.all_heads[KEY].pop(head.position)
    await bench.apply(2, "b")
    assert await bench.settle_after(20) == Vacuumed(waiting=1)


async def test_what_is_born_after_the_current_head_is_left_alone(bench):
    await bench.apply(1, "a")
    await bench.apply(2, "b")
    await bench.settle_after(0)

    async def lost():
        raise Retryable("the store can't be reached; it is tried again")

    bench.store.before["write_heads"] = [lost]
    with pytest.raises(Retryable):
        await bench.apply(3, "c")
    assert await bench.settle_after(120) == Vacuumed(passages=1, heads=1)
    assert bench.held() == ["b", "c"]


async def test_a_move_leaves_nothing_in_the_tenant_that_it_left(bench):
    await bench.apply(1, "a", tenant="t")
    await bench.apply(2, "a", tenant="u")
    await bench.settle_after(0)
    await bench.settle_after(120)
    assert {tenant for tenant, _ in bench.store.held} == {"u"}


class Lost(Exception):
    """The vacuum's process is gone."""


class Failing:
    """A store that lets so many deletes through, and no more."""

    def __init__(self, store, deletes):
        self._store, self._deletes = store, deletes

    def __getattr__(self, name):
        if name.startswith("delete"):
            if not self._deletes:
                raise Lost
            self._deletes -= 1
        return getattr(self._store, name)


@pytest.mark.parametrize("deletes", range(4))
async def test_a_vacuum_lost_between_any_two_deletes_brings_nothing_back_and_leaves_nothing(bench, deletes):
    await bench.apply(1, "a", tenant="t")
    await bench.apply(2, "a", tenant="u")
    await bench.apply(3, None)
    bench.clock.t += 46 * DAY
    with pytest.raises(Lost):
        await bench.another(Failing(bench.store, deletes)).settle([KEY])
    assert bench.store.current(KEY).deleted
    await bench.vacuum.settle([KEY])
    assert bench.store.all_heads == {}
    assert bench.held() == []


async def test_a_deletion_outlives_every_dead_letter_and_then_goes(bench):
    await bench.apply(1, "a")
    await bench.apply(2, None)
    assert await bench.settle_after(44 * DAY) == Vacuumed(passages=1, heads=1)
    assert (await bench.apply(1, "a")).reason == "stale"
    assert await bench.settle_after(DAY) == Vacuumed(heads=1)
    assert bench.store.all_heads == {}


async def test_what_was_read_too_long_ago_is_not_acted_upon(bench):
    await bench.apply(1, "a")
    await bench.apply(2, "b")
    bench.clock.t += DAY

    class Slow:
        def __getattr__(self, name):
            if name == "passages_of":
                bench.clock.t += 31
            return getattr(bench.store, name)

    assert await bench.another(Slow()).settle([KEY]) == {KEY: Vacuumed(waiting=1)}
    assert bench.held() == ["a", "b"]
    assert len(bench.store.all_heads[KEY]) == 2


async def test_many_documents_are_settled_in_as_many_calls_as_one(bench):
    """A document at a time, a vacuum that had 500 edits a second behind it fell back for good."""
    names = [f"k{n}" for n in range(50)]
    for offset, text in enumerate("ab"):
        for number, name in enumerate(names):
            edit = replace(change(offset, text, tenant=f"t{number % 2}"), record_key=name)
            await bench.indexer().apply(edit)
    keys, calls = list(bench.store.all_heads), []

    class Counted:
        def __getattr__(self, name):
            calls.append(name)
            return getattr(bench.store, name)

    vacuum = bench.another(Counted())
    await vacuum.settle(keys)
    bench.clock.t += 120
    calls.clear()
    settled = await vacuum.settle(keys)
    assert settled == dict.fromkeys(keys, Vacuumed(passages=1, heads=1))
    assert bench.held() == ["b"] * 50
    of_each_tenant = ["passages_of", "delete_passages", "delete_heads"]
    assert calls == ["heads", *of_each_tenant, *of_each_tenant]


async def test_documents_of_more_tenants_than_are_read_in_a_lease_are_settled_some_each_time(bench):
    for offset, text in enumerate("ab"):
        for number in range(20):
            edit = replace(change(offset, text, tenant=f"t{number:02}"), record_key=f"k{number}")
            await bench.indexer().apply(edit)
    keys = list(bench.store.all_heads)

    class Slow:
        def __getattr__(self, name):
            if name == "passages_of":
                bench.clock.t += 4
            return getattr(bench.store, name)

    vacuum = bench.another(Slow())
    await vacuum.settle(keys)
    bench.clock.t += 120
    left = []
    for _ in range(4):
        settled = await vacuum.settle(keys)
        left.append(sum(len(heads) > 1 for heads in bench.store.all_heads.values()))
        assert sum(one.waiting for one in settled.values()) >= left[-1]
    assert left == [13, 6, 0, 0]
    assert bench.held() == ["b"] * 20


async def orphan(bench, offset, text):
    """A passage whose apply is lost before its head."""

    async def lost():
        raise Retryable("the store can't be reached; it is tried again")

    bench.store.before["write_heads"] = [lost]
    with pytest.raises(Retryable):
        await bench.apply(offset, text)


async def test_an_orphan_whose_document_has_gone_on_goes_after_a_day(bench):
    await bench.apply(1, "a")
    await orphan(bench, 2, "b")
    await bench.apply(3, "c")
    await bench.settle_after(0)
    bench.store.all_heads[KEY].pop(min(bench.store.all_heads[KEY]))
    bench.clock.t += DAY - 1
    assert await bench.vacuum.sweep_orphans() == Vacuumed()
    bench.clock.t += 2
    assert await bench.vacuum.sweep_orphans() == Vacuumed(passages=2)
    assert bench.held() == ["c"]


async def test_an_orphan_whose_change_may_come_again_is_kept_for_as_long_as_it_may(bench):
    await orphan(bench, 1, "a")
    bench.clock.t += 44 * DAY
    assert await bench.vacuum.sweep_orphans() == Vacuumed()
    bench.clock.t += 2 * DAY
    assert await bench.vacuum.sweep_orphans() == Vacuumed(passages=1)


async def test_nor_does_an_older_state_of_the_document_make_it_an_orphan(bench):
    await bench.apply(1, "a")
    await orphan(bench, 2, "b")
    bench.clock.t += 44 * DAY
    assert await bench.vacuum.run() == Vacuumed()
    assert bench.held() == ["a", "b"]


async def test_what_a_head_lists_is_no_orphan_however_old(bench):
    await bench.apply(1, "a")
    await bench.apply(2, "a\n\nb")
    bench.clock.t += 100 * DAY
    assert await bench.vacuum.sweep_orphans() == Vacuumed()
    assert await bench.vacuum.run() == Vacuumed(heads=1)
    assert bench.held() == ["a", "b"]


async def test_a_round_goes_through_all_documents(bench):
    for n in range(250):
        for offset in (1, 2):
            one = change(offset, f"{offset}")
            await bench.indexer().apply(type(one)(**{**fields(one), "record_key": f"k{n}"}))
    bench.clock.t += DAY
    assert await bench.vacuum.settle_unsettled() == Vacuumed(passages=250, heads=250)


def fields(one):
    return {name: getattr(one, name) for name in one.__slots__}


class Rounds(Swept):
    def __init__(self):
        super().__init__()
        self.sweeper = self.another_sweeper(observe=self.events.append)

    def another_sweeper(self, **given):
        burial = Burial(self.store, now=self.clock.now, observe=self.events.append)
        return Sweeper(self.vacuum, burial, monotonic=self.clock.monotonic, **given)

    async def look_after(self, seconds):
        self.clock.t += seconds
        await self.sweeper.look()


@pytest.fixture
async def rounds():
    bench = Rounds()
    await bench.sweeper.look()
    return bench


async def test_a_hinted_document_is_settled_when_its_grace_is_over(rounds):
    await rounds.apply(1, "a")
    await rounds.apply(2, "b")
    rounds.sweeper.hint(KEY)
    await rounds.look_after(0)
    await rounds.look_after(119)
    assert rounds.held() == ["a", "b"]
    await rounds.look_after(1)
    assert rounds.held() == ["b"]


async def test_a_hint_that_comes_while_its_document_is_settled_is_not_forgotten(rounds):
    await rounds.apply(1, "a")
    await rounds.apply(2, "b")
    rounds.sweeper.hint(KEY)
    await rounds.look_after(0)

    async def edited():
        await rounds.apply(3, "c")
        rounds.sweeper.hint(KEY)

    rounds.store.after["heads"] = [edited]
    await rounds.look_after(120)
    await rounds.look_after(5)
    await rounds.look_after(120)
    assert rounds.held() == ["c"]


async def test_what_nobody_hinted_at_is_found_by_a_round(rounds):
    await rounds.apply(1, "a")
    await rounds.apply(2, "b")
    await rounds.look_after(3599)
    assert rounds.held() == ["a", "b"]
    await rounds.look_after(1)
    assert rounds.held() == ["b"]


async def test_an_outage_is_observed_and_what_was_hinted_is_tried_again(rounds):
    await rounds.apply(1, "a")
    await rounds.apply(2, "b")
    rounds.sweeper.hint(KEY)
    await rounds.look_after(0)

    async def down():
        raise Retryable("the store can't be reached; it is tried again")

    rounds.store.before["heads"] = [down]
    await rounds.look_after(120)
    assert Observed("vacuum_failures", labels={"code": "unavailable"}) in rounds.events
    await rounds.look_after(120)
    assert rounds.held() == ["b"]


async def test_no_more_hints_are_remembered_than_there_is_room_for(rounds):
    sweeper = rounds.another_sweeper(room=2)
    await sweeper.look()
    for n in range(5):
        for offset in (1, 2):
            one = change(offset, f"{offset}")
            await rounds.indexer().apply(type(one)(**{**fields(one), "record_key": f"k{n}"}))
        sweeper.hint(type(one)(**{**fields(one), "record_key": f"k{n}"}).key)
    await sweeper.look()
    rounds.clock.t += 120
    await sweeper.look()
    assert sorted(len(heads) for heads in rounds.store.all_heads.values()) == [1, 1, 2, 2, 2]


async def test_the_sweeper_goes_on_until_it_is_cancelled(rounds):
    looked = []

    class Enough(Exception):
        pass

    async def sleep(seconds):
        looked.append(seconds)
        if len(looked) == 3:
            raise Enough

    sweeper = rounds.another_sweeper(sleep=sleep, tick_s=7)
    with pytest.raises(Enough):
        await sweeper.run()
    assert looked == [7, 7, 7]


async def test_the_grace_is_a_setting():
    bench = Swept()
    vacuum = Vacuum(
        bench.store, now=bench.clock.now, monotonic=bench.clock.monotonic, grace=timedelta(seconds=60)
    )
    assert vacuum.grace == timedelta(seconds=60)
    await bench.apply(1, "a")
    await bench.apply(2, "b")
    await vacuum.settle([KEY])
    bench.clock.t += 60
    assert await vacuum.settle([KEY]) == {KEY: Vacuumed(passages=1, heads=1)}
