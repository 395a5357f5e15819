"""How old something is, the vacuum tells by time that passed, not by what a wrong clock has stamped."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.indexing.vacuum.reckoning import NOTE, Reckoning, even
from streams.indexing.vacuum.vacuum import Vacuum, Vacuumed
from tests.unit.indexing.test_indexer import Bench
from tests.unit.indexing.test_plan import change

DAY = 86_400.0
NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
KEY = change(0).key


class Notes:
    def __init__(self):
        self.held = {}

    async def note(self, name):
        return self.held.get(name)

    async def set_note(self, name, text):
        self.held[name] = text


class Reckoned(Bench):
    """A bench whose vacuum goes by what is noted; `off`: how wrong its clock is, of all in the process."""

    def __init__(self):
        super().__init__()
        self.notes, self.off = Notes(), timedelta(0)
        right = self.clock.now
        self.clock.now = lambda: right() + self.off
        self.starts()

    def starts(self):
        """The vacuum's process begins anew."""
        self.reckoning = Reckoning(self.notes, now=self.clock.now, monotonic=self.clock.monotonic)
        self.vacuum = Vacuum(
            self.store, now=self.clock.now, monotonic=self.clock.monotonic, since=self.reckoning.since
        )

    async def days(self, count, *, off=None):
        self.off = self.off if off is None else off
        total = Vacuumed()
        for _ in range(count):
            self.clock.t += DAY
            await self.reckoning.look()
            total += await self.vacuum.run()
        return total


@pytest.fixture
def bench():
    return Reckoned()


async def test_a_deletion_that_a_clock_dated_long_ago_stays_as_long_as_any(bench):
    bench.off = timedelta(days=-20_000)
    await bench.apply(1, "secret")
    await bench.apply(2, None)
    bench.off = timedelta(0)
    bench.starts()
    await bench.days(44)
    assert [head.deleted for head in bench.store.all_heads[KEY].values()] == [True]
    await bench.days(2)
    assert KEY not in bench.store.all_heads or not bench.store.all_heads[KEY]


async def test_passages_that_a_clock_dated_long_ago_are_no_orphans_before_they_have_been_there(bench):
    bench.off = timedelta(days=-46)
    await bench.apply(1, "a")
    bench.store.all_heads.clear()
    bench.off = timedelta(0)
    bench.starts()
    await bench.days(44)
    assert len(bench.store.held) == 1
    await bench.days(2)
    assert not bench.store.held


@pytest.mark.parametrize("off_days", [8, 46, -8, -46])
async def test_a_vacuum_that_starts_with_a_clock_that_was_set_forgets_nothing_for_it(bench, off_days):
    await bench.days(50)
    await bench.apply(1, "secret")
    await bench.apply(2, None)
    bench.off = timedelta(days=off_days)
    bench.starts()
    await bench.days(40)
    assert bench.store.current(KEY).deleted


async def test_what_was_noted_counts_for_the_next_process(bench):
    await bench.days(50)
    await bench.apply(1, "a")
    await bench.apply(2, None)
    for _ in range(5):
        bench.starts()
        await bench.days(7)
    assert bench.store.all_heads[KEY]
    for _ in range(2):
        bench.starts()
        await bench.days(7)
    assert not bench.store.all_heads.get(KEY)


async def test_before_anything_is_noted_no_stamp_counts(bench):
    assert bench.reckoning.since() == bench.clock.now()
    await bench.reckoning.look()
    first = bench.notes.held[NOTE]
    bench.clock.t += 599
    await bench.reckoning.look()
    assert bench.notes.held[NOTE] == first
    bench.clock.t += 1
    await bench.reckoning.look()
    assert bench.notes.held[NOTE] != first


@given(st.timedeltas(min_value=timedelta(days=-100), max_value=timedelta(days=100)))
def test_a_clock_goes_on_evenly_where_it_is_up_to_a_week_later_and_hardly_earlier(passed):
    since, now = NOON - timedelta(days=30), NOON + passed
    noted = f'{{"since": "{since.isoformat()}", "seen": "{NOON.isoformat()}"}}'
    evenly = timedelta(minutes=-5) <= passed <= timedelta(days=7)
    assert even(noted, now) == (since if evenly else now)
