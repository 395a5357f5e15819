import asyncio

import pytest

from streams.answering.waiting.beside import ahead, beside
from tests.unit.answering.virtual import monotonic, run


async def counted(times, *, fails=False):
    try:
        for number in range(3):
            await asyncio.sleep(1)
            times.append(monotonic())
            yield number
        if fails:
            raise ValueError("a slip")
    finally:
        times.append("closed")


def test_the_first_item_comes_while_something_else_is_done():
    async def slow_reader():
        times = []
        async with ahead(counted(times)) as items:
            await asyncio.sleep(5)
            got = [(item, monotonic()) async for item in items]
        return times, got

    times, got = run(slow_reader())
    assert times == [1, 6, 7, "closed"]
    assert got == [(0, 5), (1, 6), (2, 7)]


def test_items_that_nobody_takes_are_closed_and_so_is_what_failed():
    async def leave(*, fails):
        times = []
        async with ahead(counted(times, fails=fails)):
            await asyncio.sleep(0.5)
        return times

    assert run(leave(fails=False)) == ["closed"]

    async def take_all(times):
        async with ahead(counted(times, fails=True)) as items:
            return [item async for item in items]

    times = []
    with pytest.raises(ValueError, match="slip"):
        run(take_all(times))
    assert times == [1, 2, 3, "closed"]


def test_no_items_are_none():
    async def none():
        for item in ():
            yield item

    async def read():
        async with ahead(none()) as items:
            return [item async for item in items]

    assert run(read()) == []


def test_what_is_done_beside_a_body_that_fails_is_over_with_it():
    async def both(began, ended):
        async def work():
            began.append(True)
            try:
                await asyncio.sleep(60)
            finally:
                ended.append(monotonic())

        async with beside(work()):
            await asyncio.sleep(1)
            raise ValueError("a slip")

    began, ended = [], []
    with pytest.raises(ValueError, match="slip"):
        run(both(began, ended))
    assert (began, ended) == ([True], [1])


def test_what_fails_beside_is_raised_to_whoever_asks_and_to_nobody_else():
    async def fails():
        raise ValueError("a slip")

    async def asked():
        async with beside(fails()) as work:
            await work

    async def unasked():
        async with beside(fails()):
            await asyncio.sleep(1)
        return "well"

    with pytest.raises(ValueError, match="slip"):
        run(asked())
    assert run(unasked()) == "well"
