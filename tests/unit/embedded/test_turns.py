import asyncio
import threading

import pytest

from streams.embedded.events import Events
from streams.embedded.turns import QueueFull, Turns


@pytest.fixture
def turns():
    turns = Turns("test", 2)
    yield turns
    turns.close()


async def test_one_request_too_many_is_refused_until_another_is_done(turns):
    with turns.admit():
        with turns.admit(), pytest.raises(QueueFull, match="maximum pending requests"), turns.admit():
            pass
        with turns.admit():
            pass


async def test_pieces_of_work_are_done_one_at_a_time_in_order(turns):
    running, most, order = 0, 0, []

    def work(n: int) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        order.append(n)
        running -= 1

    await asyncio.gather(*(turns.run(lambda n=n: work(n)) for n in range(20)))
    assert most == 1
    assert order == list(range(20))


async def test_the_loop_goes_on_while_work_blocks(turns):
    may_end = threading.Event()
    job = turns.run(may_end.wait)
    may_end.set()
    assert await job is True


async def test_work_that_is_cancelled_before_its_turn_never_begins(turns):
    may_end, begun = threading.Event(), []
    first = turns.run(may_end.wait)
    second = turns.run(lambda: begun.append("second"))
    second.cancel()
    # The loop tells the thread of it in its next turn.
    await asyncio.sleep(0)
    may_end.set()
    await first
    await turns.run(lambda: begun.append("third"))
    assert begun == ["third"]


async def test_events_come_over_from_the_thread_in_order_until_the_end(turns):
    events = Events()
    job = turns.run(lambda: [events.emit(n) for n in range(5)])
    job.add_done_callback(lambda _: events.end())
    assert [event async for event in events] == [0, 1, 2, 3, 4]
    assert job.result() == [False] * 5


async def test_the_thread_is_told_when_nobody_wants_more(turns):
    events = Events()
    may_go_on = threading.Event()

    def work() -> bool:
        events.emit(1)
        may_go_on.wait()
        return events.emit(2)

    job = turns.run(work)
    async for event in events:
        assert event == 1
        break
    events.stop()
    may_go_on.set()
    assert await job is True
