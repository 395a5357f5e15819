"""What the gauges of a worker say of how far it is behind."""

from datetime import UTC, datetime

from streams.agents.pump.membership import Partition
from streams.agents.pump.positions import Behind
from streams.worker.gauges import Lag

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
FIRST, SECOND = Partition("kb", 0), Partition("kb", 1)


class Pump:
    """A pump as the gauges see it."""

    def __init__(self, oldest=None):
        self.oldest, self.how = oldest, {}

    async def behind(self):
        return self.how


def lag_of(pumps, clock=lambda: 0.0):
    return Lag(lambda: pumps, now=lambda: NOW, monotonic=clock)


async def test_the_lag_of_a_topic_is_that_of_its_partitions_together():
    pump = Pump()
    pump.how = {FIRST: Behind(7, 2), SECOND: Behind(0, 40), Partition("cms", 0): Behind(3, 0)}
    lag = lag_of({"index": pump, "answer": None})
    await lag.look()
    assert lag.records() == {("index", "kb"): 42, ("index", "cms"): 0}


async def test_partitions_that_are_another_workers_now_are_shown_no_more():
    pump = Pump()
    lag = lag_of({"index": pump})
    pump.how = {FIRST: Behind(7, 2)}
    await lag.look()
    pump.how = {}
    await lag.look()
    assert lag.records() == {}
    assert lag.stalled() == {("index",): 0.0}


async def test_the_lag_in_seconds_is_the_age_of_the_oldest_record_in_hand():
    oldest = int(NOW.timestamp() * 1000) - 2500
    lag = lag_of({"index": Pump(oldest), "answer": Pump()})
    assert lag.seconds() == {("index",): 2.5, ("answer",): 0.0}


async def test_a_watermark_stands_still_while_there_is_something_to_do_and_nothing_gets_done():
    pump, clock = Pump(), iter([0.0, 10.0, 30.0, 35.0, 50.0]).__next__
    lag = lag_of({"index": pump}, clock)
    pump.how = {FIRST: Behind(7, 2)}
    await lag.look()
    assert lag.stalled() == {("index",): 0.0}
    pump.how = {FIRST: Behind(7, 90), SECOND: Behind(0, 1)}
    await lag.look()
    assert lag.stalled() == {("index",): 20.0}
    pump.how = {FIRST: Behind(8, 90), SECOND: Behind(1, 0)}
    await lag.look()
    assert lag.stalled() == {("index",): 0.0}
    pump.how = None
    await lag.look()
    assert lag.stalled() == {("index",): 15.0}, "what Kafka can't tell now is as it was"
    assert lag.records() == {("index", "kb"): 90}
