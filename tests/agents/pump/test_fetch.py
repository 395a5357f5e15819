"""Records that need something fetched before they can be taken apart: in order, and nobody else waits."""

import asyncio

import pytest

from streams.errors import Misconfigured, Rejected, Retryable
from tests.agents.group import Bench, Steps


class Fetching(Steps):
    """Steps whose records with a header `needs` name what must be fetched before they are prepared."""

    def __init__(self):
        super().__init__()
        self.there = set()
        self.fetches = []
        self.down = False
        self.unknown = set()
        self.slow = asyncio.Event()
        self.slow.set()

    def fetch(self, record):
        needed = record.header("needs")
        if needed is None or needed in self.there:
            return None

        async def fetch():
            self.fetches.append(needed)
            self.moved.set()
            await self.slow.wait()
            await self.supply()
            if needed in self.unknown:
                raise Rejected("there is no such schema", code="unknown_schema")
            self.there.add(needed)

        return fetch

    async def supply(self):
        if self.down:
            raise Retryable("the registry is down", code="registry_down")

    def prepare(self, record):
        assert self.fetch(record) is None
        return super().prepare(record)


@pytest.fixture
async def bench():
    work = Fetching()
    async with Bench(work, supply=work.supply) as bench:
        yield bench


def needing(bench, name, value=b"", **more):
    return bench.deliver(value, headers=[("needs", name.encode())], **more)


async def test_a_record_is_prepared_once_what_it_needs_is_there(bench):
    for _ in range(3):
        needing(bench, "1")
    await bench.committed(3)
    assert bench.work.fetches == ["1"]


async def test_records_behind_it_keep_their_order_whatever_they_need(bench):
    bench.work.slow.clear()
    needing(bench, "1")
    needing(bench, "2")
    bench.deliver()
    bench.deliver(partition=1, key=b"other")
    await bench.committed(1, partition=1)
    assert bench.work.offsets("start") == [0]
    bench.work.slow.set()
    await bench.committed(3)
    assert [(partition, offset) for said, partition, offset in bench.work.log if said == "start"] == [
        (1, 0),
        (0, 0),
        (0, 1),
        (0, 2),
    ]


async def test_what_there_is_not_makes_a_dead_letter_of_that_record_alone(bench):
    bench.work.unknown = {"1"}
    needing(bench, "1")
    needing(bench, "2")
    await bench.committed(2)
    assert [dict(letter.headers)["dead-code"] for letter in bench.produced] == [b"unknown_schema"]
    assert bench.work.offsets("done") == [1]


async def test_an_outage_holds_up_the_partition_that_needs_it_and_dead_letters_nothing(bench):
    bench.group.owned = {("t", 0), ("t", 1)}
    bench.work.down = True
    needing(bench, "1")
    bench.deliver()
    await bench.until(lambda: bench.pump.state == "waiting")
    assert bench.pump.problem == "registry_down: the registry is down"
    for _ in range(20):
        bench.deliver(partition=1, key=b"other")
    await bench.committed(20, partition=1)
    assert bench.group.paused == {("t", 0)}
    assert bench.group.committed == {("t", 1): 20}
    bench.work.down = False
    await bench.committed(2)
    await bench.until(lambda: not bench.group.paused)
    assert (bench.pump.state, bench.produced) == ("running", [])
    assert [offset for said, partition, offset in bench.work.log if (said, partition) == ("done", 0)] == [
        0,
        1,
    ]


async def test_a_partition_whose_fetch_hangs_takes_no_more_room_from_the_others(bench):
    bench.work.slow.clear()
    needing(bench, "1")
    await bench.until(lambda: bench.group.paused == {("t", 0)})
    bench.deliver(partition=1, key=b"other")
    await bench.committed(1, partition=1)
    bench.work.slow.set()
    await bench.until(lambda: not bench.group.paused)


async def test_fetches_that_hang_take_no_slots_from_other_partitions_however_many_they_are():
    work = Fetching()
    async with Bench(work, supply=work.supply, slots=2) as bench:
        work.slow.clear()
        for partition in range(5):
            needing(bench, "1", partition=partition)
        bench.deliver(partition=5, key=b"other")
        await bench.committed(1, partition=5)
        work.slow.set()
        for partition in range(5):
            await bench.committed(1, partition=partition)


async def test_a_partition_goes_on_after_a_record_that_lacks_what_it_needs_for_good(bench):
    bench.work.unknown = {"1"}
    bench.work.slow.clear()
    needing(bench, "1")
    await bench.until(lambda: bench.group.paused == {("t", 0)})
    bench.work.slow.set()
    await bench.committed(1)
    await bench.until(lambda: not bench.group.paused)


async def test_an_outage_of_the_rest_does_not_stop_the_fetching(bench):
    assert not bench.pump._dependency.down
    bench.pump._dependency._shut()
    needing(bench, "1")
    await bench.until(lambda: bench.work.fetches == ["1"])


async def test_a_rebalance_in_the_middle_lets_go_of_what_waits_and_it_comes_again(bench):
    bench.work.slow.clear()
    records = [needing(bench, "1"), bench.deliver()]
    await bench.until(lambda: bench.work.fetches)
    await bench.rebalance()
    assert (bench.pump.pending, bench.group.committed) == (0, {})
    bench.work.slow.set()
    for record in records:
        bench.deliver_again(record)
    await bench.committed(2)
    assert bench.work.offsets("done") == [0, 1]


async def test_a_drain_does_not_wait_for_a_fetch():
    """A registry that hangs must not keep the group from rebalancing."""
    work = Fetching()
    async with Bench(work, supply=work.supply, drain_s=60) as bench:
        work.slow.clear()
        needing(bench, "1")
        bench.deliver(b"wait", partition=1, key=b"other")
        await bench.until(lambda: work.fetches and work.offsets("start"))
        draining = asyncio.create_task(bench.pump.drain())
        work.gates[0].set()
        await asyncio.wait_for(draining, 30)
        assert bench.group.committed == {("t", 1): 1}


async def test_a_person_who_must_act_stops_the_worker(bench):
    async def refuse():
        raise Misconfigured("wrong password", setting="STREAMS_SCHEMA_REGISTRY_USERNAME")

    bench.work.supply = refuse
    needing(bench, "1")
    await bench.until(lambda: bench.group.crashes)
    assert isinstance(bench.group.crashes[0], Misconfigured)
    assert bench.group.committed == {}
