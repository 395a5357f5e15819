from __future__ import annotations

import asyncio

from streams.worker.background import Background


async def no_time(_seconds):
    await asyncio.sleep(0)


async def test_a_task_that_fails_is_told_and_begun_again(caplog):
    begun, well = [], asyncio.Event()

    async def fails_twice():
        begun.append(1)
        if len(begun) < 3:
            raise ValueError("a slip")
        well.set()

    background = Background(no_time)
    background.start("the vacuum", fails_twice)
    await asyncio.wait_for(well.wait(), 60)
    await background.close()
    assert len(begun) == 3
    assert caplog.text.count("the vacuum failed") == 2
    assert "a slip" in caplog.text


async def test_what_ends_by_itself_is_not_begun_again_and_what_goes_on_ends_with_the_rest(caplog):
    ended, began, closed = [], asyncio.Event(), []

    async def ends():
        ended.append(1)

    async def goes_on():
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            closed.append(1)

    background = Background(no_time)
    background.start("one", ends)
    background.start("another", goes_on)
    await began.wait()
    await background.close()
    assert (ended, closed, caplog.text) == ([1], [1], "")
