"""A process of ours, from its signals to its exit code: told to stop it ends, whatever hangs in it."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
from collections.abc import Awaitable, Callable
from types import FrameType
from typing import NoReturn

from streams.agents.lifecycle import FAILED

LAST_S = 25.0
"""Less than a container is given before it is killed without a word in its log."""

TOLD_S = 1.0
"""How long a last line may take."""

logger = logging.getLogger(__name__)


def run(work: Callable[[asyncio.Event], Awaitable[int]], *, last_s: float = LAST_S) -> NoReturn:
    """Runs `work`, whose event SIGTERM and SIGINT set, and ends the process with the exit code that it gives.

    With `FAILED` where it raises, or where it has not returned `last_s` after a signal. `asyncio.run` alone
    is no end: it waits for every task that is left, and of the clients' some swallow their cancelling while
    their server is away. Nor is `sys.exit`, as Faust's consumer thread is no daemon.
    """
    try:
        asyncio.run(_to_the_end(work, last_s))
    finally:
        os._exit(FAILED)


async def _to_the_end(work: Callable[[asyncio.Event], Awaitable[int]], last_s: float) -> NoReturn:
    stop, code = asyncio.Event(), FAILED
    on_signals(stop.set, last_s=last_s)
    try:
        code = await work(stop)
    except BaseException:  # a stray cancelling, too: aiokafka raises some of its own
        logger.exception("ended in a way that it should not")
    finally:
        logging.shutdown()
        os._exit(code)


def on_signals(told: Callable[[], None], *, last_s: float = LAST_S) -> None:
    """Calls `told` in the running loop at SIGTERM and SIGINT; `last_s` after the first the process is ended.

    By Python's own handlers, not the loop's: they are heard where the loop does not turn any more.
    """
    loop = asyncio.get_running_loop()
    last = threading.Timer(last_s, _give_up, (last_s,))
    last.daemon = True

    def hear(_number: int, _frame: FrameType | None) -> None:
        if last.ident is None:
            last.start()
        loop.call_soon_threadsafe(told)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, hear)


def _give_up(last_s: float) -> None:
    """Ends the process; from a thread of its own it says so, as a log whose pipe is full must not keep it."""
    said = ("ended by force: it did not end by itself within %g s", last_s)
    telling = threading.Thread(target=logger.error, args=said, daemon=True)
    telling.start()
    telling.join(TOLD_S)
    os._exit(FAILED)
