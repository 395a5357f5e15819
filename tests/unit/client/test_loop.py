"""The client without `async`: what is left half read is closed, and closing leaves nothing behind."""

import asyncio
import gc
import signal
import subprocess
import sys
import threading
from contextlib import asynccontextmanager

import pytest

from streams.client.loop import Loop
from streams.errors import Rejected


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


def test_a_loop_that_is_closed_says_so_instead_of_waiting(loop):
    kept = loop.iterate(Endless().numbers())
    assert next(kept) == 0
    loop.close()
    loop.close()
    with pytest.raises(Rejected, match="closed"):
        loop.run(asyncio.sleep(0))
    with pytest.raises(Rejected, match="closed"):
        next(kept)


def test_who_waits_while_another_thread_closes_is_told(loop):
    begun, told = threading.Event(), []

    async def waits():
        begun.set()
        await asyncio.Event().wait()

    def ask():
        with pytest.raises(Rejected) as caught:
            loop.run(waits())
        told.append(caught.value.code)

    asking = threading.Thread(target=ask)
    asking.start()
    begun.wait()
    loop.close()
    asking.join()
    assert told == ["closed"]


def test_what_was_entered_is_left_when_the_loop_is_closed(loop):
    left = []

    @asynccontextmanager
    async def entered():
        yield "given"
        await asyncio.sleep(0)
        left.append(True)

    assert loop.enter(entered()) == "given"
    assert not left
    loop.close()
    assert left


def test_the_garbage_collector_may_close_it_in_its_own_thread(loop):
    def collected():
        try:
            yield from loop.iterate(endless.numbers())
        finally:
            loop.close()

    endless, kept = Endless(), [collected()]
    assert next(kept[0]) == 0

    async def drop():
        kept.clear()
        gc.collect()

    loop.run(drop())
    loop._thread.join(60)
    assert endless.closed


SCRIPT = """
import asyncio
from contextlib import asynccontextmanager
from streams.client.loop import Loop

async def numbers():
    try:
        yield 1
        yield 2
        print("waits", flush=True)
        await asyncio.Event().wait()
    finally:
        await asyncio.sleep(0)
        print("closed", flush=True)

@asynccontextmanager
async def connected():
    yield
    await asyncio.sleep(0)
    print("left", flush=True)

def ask():
    loop = Loop()
    try:
        loop.enter(connected())
        yield from loop.iterate(numbers())
    finally:
        loop.close()
"""
LAST_LINES = {
    "half read": "kept = ask(); next(kept)",
    "half read by a loop that is left": "for token in (kept := ask()):\n    break",
    "never left": "loop = Loop(); loop.enter(connected()); kept = loop.iterate(numbers()); next(kept)",
    "in a cycle": "kept = ask(); next(kept); cycle = [kept]; cycle.append(cycle); del kept",
    "after an error": "kept = ask(); next(kept); raise SystemExit(0)",
    "in a notebook": """
async def cell():
    global kept
    kept = ask()
    next(kept)

there = asyncio.new_event_loop()
there.run_until_complete(cell())
there.close()
""",
    "in a process that was forked, too": """
import os
kept = ask()
next(kept)
if os.fork() == 0:
    raise SystemExit(0)
assert os.wait()[1] == 0
""",
}
LIMIT_S = 60


@pytest.mark.parametrize("end", LAST_LINES.values(), ids=LAST_LINES)
def test_a_script_ends_whatever_it_leaves_open(end):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT + end], capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(done.stdout.split()) == ["closed", "left"]


@pytest.mark.parametrize(
    "wait",
    ["list(kept)", "async def cell():\n    list(kept)\nasyncio.new_event_loop().run_until_complete(cell())"],
    ids=["in a script", "in a notebook"],
)
def test_ctrl_c_in_the_middle_of_a_wait_ends_the_script(wait):
    script = SCRIPT + f"kept = ask()\n{wait}"
    running = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert running.stdout.readline() == "waits\n"
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=LIMIT_S)
    assert running.returncode == -signal.SIGINT
    assert sorted(out.split()) == ["closed", "left"]
    assert "KeyboardInterrupt" in err
