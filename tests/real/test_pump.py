"""The pump on real Kafka: whatever happens to workers and broker, nothing is lost, and order is kept.

Read from what the workers wrote down and from the committed offsets, never from what they say of themselves.
"""

from __future__ import annotations

import asyncio
import random
import re
import signal
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from tests.agents.fleet import Fleet

pytestmark = pytest.mark.timeout(180)


def peak_mb(pid):
    """The most memory that a process has had resident."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024


def slow_now_and_then(n):
    return {"sleep": 0.8 if n % 50 == 0 else 0.005}


async def test_workers_killed_again_and_again_lose_nothing(kafka, tmp_path, topic):
    chance = random.Random(7)
    async with Fleet(kafka, tmp_path, topic) as fleet:
        fleet.worker()
        fleet.worker()
        await fleet.assigned(2)
        sending = asyncio.create_task(fleet.send(2500, pace_s=0.01, value=slow_now_and_then))
        for cycle in range(3):
            await fleet.handled(600 * cycle + 300)
            victim = chance.choice(fleet.workers)
            victim.kill()
            await asyncio.sleep(chance.uniform(0, 0.5))
            victim.start()
        await sending
        await fleet.caught_up()
        fleet.assert_nothing_lost()
        fleet.assert_order_kept()


async def test_workers_stopped_in_turn_lose_nothing_and_repeat_next_to_nothing(kafka, tmp_path, topic):
    async with Fleet(kafka, tmp_path, topic) as fleet:
        fleet.worker()
        fleet.worker()
        await fleet.assigned(2)
        sending = asyncio.create_task(fleet.send(1500, pace_s=0.01, value=slow_now_and_then))
        for turn in range(4):
            await fleet.handled(250 * turn + 200)
            worker = fleet.workers[turn % 2]
            worker.signal(signal.SIGTERM)
            assert await worker.ended() == 0
            worker.start()
        await sending
        await fleet.caught_up()
        fleet.assert_nothing_lost()
        fleet.assert_order_kept()
        # None, but where the machine is so busy that a commit comes too late.
        assert fleet.duplicates() <= 0.01 * fleet.sent
        assert max(line["ran"] for line in fleet.lines("exit")) < 60


async def test_bad_records_die_and_the_group_may_change_meanwhile(kafka, tmp_path, topic):
    def value(n):
        return {"boom": True} if n % 10 == 3 else {"refuse": True} if n % 10 == 7 else {"sleep": 0.01}

    async with Fleet(kafka, tmp_path, topic) as fleet:
        fleet.worker()
        fleet.worker()
        await fleet.assigned(2)
        sending = asyncio.create_task(fleet.send(1000, pace_s=0.008, value=value))
        await fleet.handled(200)
        third = fleet.worker()
        await fleet.assigned(1, worker=third)
        await fleet.handled(500)
        third.signal(signal.SIGTERM)
        assert await third.ended() == 0
        await sending
        await fleet.caught_up()
        fleet.assert_nothing_lost()
        fleet.assert_order_kept()
        letters = await fleet.dead_letters()
    died = {(letter["dead-partition"], letter["dead-offset"]): letter["dead-code"] for letter in letters}
    assert len(died) == 200
    assert sorted(died.values()).count("failed") == 100


async def test_a_worker_frozen_past_its_session_neither_loses_nor_reorders(kafka, tmp_path, topic):
    async with Fleet(kafka, tmp_path, topic) as fleet:
        frozen = fleet.worker()
        fleet.worker()
        await fleet.assigned(2)
        sending = asyncio.create_task(fleet.send(1800, pace_s=0.01, value=slow_now_and_then))
        await fleet.handled(300)
        before = len(fleet.lines("assigned"))
        frozen.signal(signal.SIGSTOP)
        await fleet.assigned(before + 1)
        await fleet.handled(1000)
        frozen.signal(signal.SIGCONT)
        await sending
        await fleet.caught_up()
        assert frozen.process.poll() is None
        fleet.assert_nothing_lost()
        fleet.assert_order_kept()


async def test_a_slow_head_stops_its_partition_at_the_window_and_nothing_is_committed_past_it(
    kafka, tmp_path, topic
):
    async with Fleet(kafka, tmp_path, topic, partitions=1, settings={"window": 100}) as fleet:
        await fleet.send(3000, value=lambda n: {"sleep": 6} if n == 0 else {})
        fleet.worker()
        await fleet.handled(90)
        assert not fleet.lines("done") or min(line["o"] for line in fleet.lines("done")) > 0
        assert not any((await fleet.committed(fleet.tps)).values())
        # The window is soft: what was fetched already still comes, a fetch of 500 at most.
        await asyncio.sleep(2)
        assert len(fleet.finished()) < 1000
        await fleet.caught_up()
        fleet.assert_nothing_lost()
        assert fleet.duplicates() == 0


async def test_the_broker_killed_and_back_loses_nothing_and_no_worker_ends(kafka_broker, tmp_path, topic):
    async with Fleet(kafka_broker.bootstrap, tmp_path, topic) as fleet:
        fleet.worker()
        fleet.worker()
        await fleet.assigned(2)
        await fleet.send(400, value=lambda _: {"sleep": 0.05})
        await fleet.handled(100)
        kafka_broker.kill()
        await asyncio.sleep(5)
        await asyncio.to_thread(kafka_broker.start)
        await fleet.send(200)
        await fleet.caught_up(90)
        assert all(worker.process.poll() is None for worker in fleet.workers)
        fleet.assert_nothing_lost()
        fleet.assert_order_kept()


async def test_records_of_an_aborted_transaction_are_never_handled(kafka, tmp_path, topic):
    async with Fleet(kafka, tmp_path, topic, partitions=1) as fleet:
        fleet.worker()
        transactional = AIOKafkaProducer(bootstrap_servers=kafka, transactional_id=topic)
        await transactional.start()
        try:
            for outcome in ("commit", "abort", "abort", "commit"):
                await transactional.begin_transaction()
                for _ in range(10):
                    await transactional.send_and_wait(topic, b"{}", key=outcome.encode())
                await getattr(transactional, f"{outcome}_transaction")()
        finally:
            await transactional.stop()
        await fleet.send(1)
        await fleet.caught_up()
        assert len(fleet.finished()) == 21
        assert {line["key"] for line in fleet.lines("start")} == {"commit", "key-0"}


async def test_what_is_finished_is_committed_within_200_ms(kafka, tmp_path, topic):
    async with Fleet(kafka, tmp_path, topic, partitions=1) as fleet:
        worker = fleet.worker()
        await fleet.assigned(1, worker=worker)
        await fleet.send(1)
        await fleet.caught_up()
        waits = []
        for n in range(1, 6):
            await fleet.send(1)
            await fleet.until(lambda n=n: len(fleet.finished()) == n + 1, 5)
            done = asyncio.get_running_loop().time()
            while (await fleet.committed(fleet.tps))[fleet.tps[0]] != n + 1:  # noqa: ASYNC110 - Kafka sets no event
                await asyncio.sleep(0.005)
            waits.append(asyncio.get_running_loop().time() - done)
        assert sorted(waits)[2] < 0.2


async def test_a_worker_waits_for_a_broker_that_is_not_there_yet(kafka_broker, tmp_path, topic):
    async with Fleet(kafka_broker.bootstrap, tmp_path, topic) as fleet:
        await fleet.send(10)
        kafka_broker.kill()
        worker = fleet.worker()
        await fleet.until(lambda: "trying again" in worker.log.read_text(), 20)
        await asyncio.to_thread(kafka_broker.start)
        await fleet.caught_up(60)
        fleet.assert_nothing_lost()


async def test_a_backlog_of_100_000_records_is_held_in_little_memory(kafka, tmp_path, topic):
    async with Fleet(kafka, tmp_path, topic) as fleet:
        await fleet.send(100_000, keys=1000, value=lambda _: {"sleep": 0.2, "text": "x" * 900})
        worker = fleet.worker()
        await fleet.handled(700)
        peak = peak_mb(worker.process.pid)
        print(f"peak resident memory with a backlog of 100,000 records of 1 kB: {peak:.0f} MB")
        assert peak < 200
