"""Worker processes on the embedded broker."""

from __future__ import annotations

import signal
import time

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
