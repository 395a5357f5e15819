"""A process of ours, from its signals to its exit code: told to stop it ends, whatever hangs in it."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
from collections.abc import Awaitable, Callable
from typing import NoReturn

from streams.agents.lifecycle import FAILED

LAST_S = 25.0
"""Less than a container is given before it is killed without a word in its log."""

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
    except Exception:
        logger.exception("ended in a way that it should not")
    finally:
        logging.shutdown()
        os._exit(code)


def on_signals(told: Callable[[], None], *, last_s: float = LAST_S) -> None:
    """Calls `told` at SIGTERM and SIGINT; a process that still runs `last_s` after the first is ended."""
    last = threading.Timer(last_s, _give_up, (last_s,))
    last.daemon = True

    def hear() -> None:
        if last.ident is None:
            last.start()
        told()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, hear)


def _give_up(last_s: float) -> None:
    logger.error("ended by force: it did not end by itself within %g s", last_s)
    os._exit(FAILED)
