"""The client without `async`: what is left half read is closed, and closing leaves nothing behind."""

import asyncio

import pytest

from streams.client.blocking import Loop


class Endless:
    """Numbers without end, and whether they were closed."""

    def __init__(self):
        self.closed = False

    async def numbers(self):
        number = 0
        try:
            while True:
                await asyncio.sleep(0)
                yield number
                number += 1
        finally:
            await asyncio.sleep(0)
            self.closed = True


@pytest.fixture
def loop():
    loop = Loop()
    yield loop
    if not loop._loop.is_closed():
        loop.close()


def test_who_leaves_an_iteration_early_closes_it(loop):
    endless = Endless()
    for number in loop.iterate(endless.numbers()):
        if number == 2:
            break
    assert endless.closed


def test_an_iteration_that_is_kept_is_closed_with_the_loop_and_may_be_dropped_later(loop, recwarn):
    endless = Endless()
    kept = loop.iterate(endless.numbers())
    assert next(kept) == 0
    loop.close()
    assert endless.closed
    kept.close()
    assert not [str(one.message) for one in recwarn]


def test_tasks_that_still_run_are_cancelled_and_waited_for_before_the_loop_ends(loop):
    ended = []

    async def runs():
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.append(True)

    async def begin():
        task = asyncio.create_task(runs())
        await asyncio.sleep(0)
        return task

    task = loop.run(begin())
    loop.close()
    assert (ended, task.cancelled()) == ([True], True)


def test_what_an_iteration_raises_comes_through(loop):
    async def fails():
        yield 1
        raise ValueError("two")

    with pytest.raises(ValueError, match="two"):
        list(loop.iterate(fails()))
