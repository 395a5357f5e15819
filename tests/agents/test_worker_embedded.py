"""Worker processes on the embedded broker."""

from __future__ import annotations

import signal
import time

from ops.servers.process import free_ports
from tests.agents.fleet import Fleet


def every(number, **value):
    return lambda n: value if n % number == 0 else {}


async def test_a_worker_on_the_embedded_broker_does_all_and_buries_what_is_bad(embedded_broker, tmp_path):
    async with Fleet(embedded_broker, tmp_path, "poison", embedded=True) as fleet:
        fleet.worker()
        await fleet.send(200, value=lambda n: every(20, boom=True)(n) or every(7, refuse=True)(n))
        await fleet.caught_up()
        fleet.assert_nothing_lost()
        fleet.assert_order_kept()
        letters = await fleet.dead_letters()
    bad = [n for n in range(200) if n % 20 == 0 or n % 7 == 0]
    assert len(letters) == len(bad)
    assert sorted({letter["dead-code"] for letter in letters}) == ["failed", "refused"]
    assert len({(letter["dead-partition"], letter["dead-offset"]) for letter in letters}) == len(bad)


async def test_a_worker_told_to_stop_drains_commits_what_it_did_and_exits_0(embedded_broker, tmp_path):
    async with Fleet(embedded_broker, tmp_path, "stop", embedded=True, settings={"slots": 8}) as fleet:
        first = fleet.worker()
        await fleet.send(120, value=lambda _: {"sleep": 0.3})
        await fleet.handled(20)
        began = time.monotonic()
        first.signal(signal.SIGTERM)
        assert await first.ended() == 0
        assert time.monotonic() - began < 10
        assert len(fleet.finished()) < 120
        fleet.worker()
        await fleet.caught_up()
        fleet.assert_nothing_lost()
        fleet.assert_order_kept()
        assert fleet.duplicates() == 0


async def test_an_outage_is_waited_for_while_the_group_changes_and_nothing_dies_of_it(
    embedded_broker, tmp_path
):
    async with Fleet(embedded_broker, tmp_path, "outage", embedded=True, settings={"window": 20}) as fleet:
        fleet.outage.touch()
        first = fleet.worker()
        await fleet.send(400)
        await fleet.said(first, "waiting")
        second = fleet.worker()
        await fleet.assigned(1, worker=second)
        await fleet.said(second, "waiting")
        problems = [line["problems"] for line in second.lines() if line["k"] == "states"]
        assert "store_down" in problems[-1][0]
        assert not fleet.finished()
        fleet.outage.unlink()
        await fleet.caught_up()
        await fleet.said(first, "running")
        fleet.assert_nothing_lost()
        fleet.assert_order_kept()
        assert not await fleet.dead_letters()


async def test_what_a_person_must_mend_ends_the_worker_by_name_and_is_not_acknowledged(
    embedded_broker, tmp_path
):
    async with Fleet(embedded_broker, tmp_path, "misconfigured", embedded=True, partitions=1) as fleet:
        worker = fleet.worker()
        await fleet.send(5, value=lambda n: {"misconfigured": True} if n == 2 else {})
        assert await worker.ended() == 2
        assert "STREAMS_EMBED_DIMENSION is not right: told that it is wrong" in worker.log.read_text()
        assert (await fleet.committed(fleet.tps))[fleet.tps[0]] <= 2


async def test_two_groups_live_in_one_process(embedded_broker, tmp_path):
    async with Fleet(embedded_broker, tmp_path, "groups", embedded=True) as fleet:
        worker = fleet.worker(groups=[fleet.group, f"{fleet.group}-answer"])
        await fleet.send(50)
        await fleet.until(lambda: sum(fleet.finished().values()) == 100, 30)
        worker.signal(signal.SIGTERM)
        assert await worker.ended() == 0


async def test_a_worker_that_never_finds_a_broker_says_so_with_its_exit_code(tmp_path):
    nowhere = f"127.0.0.1:{free_ports()}"
    fleet = Fleet(nowhere, tmp_path, "nowhere")
    worker = fleet.worker(start_limit_s=2.0)
    try:
        assert await worker.ended() == 3
        assert f"Kafka cannot be reached at {nowhere}" in worker.log.read_text()
    finally:
        worker.kill()


async def test_a_worker_told_to_stop_while_it_starts_exits_0(tmp_path):
    fleet = Fleet(f"127.0.0.1:{free_ports()}", tmp_path, "starting")
    worker = fleet.worker()
    try:
        await fleet.until(lambda: "trying again" in worker.log.read_text(), 20)
        worker.signal(signal.SIGTERM)
        assert await worker.ended(10) == 0
    finally:
        worker.kill()
