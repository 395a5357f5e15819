"""Running: so many handlers at a time, one a key, and letting go of them."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Hashable
from contextlib import suppress
from typing import Generic, TypeVar

from streams import aside
from streams.agents.pump.lanes import Lanes
from streams.agents.pump.slots import Part, Slot
from streams.agents.pump.window import Entry

logger = logging.getLogger(__name__)

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")

LOOK_AGAIN_S = 0.05
"""How often a drain looks for handlers that only wait."""


class Running(Generic[Item, Outcome]):
    """Takes lines from `lanes` and has `handle` do them, `limit` at a time.

    What sleeps `aside` does not count among these; it goes on before anything new is begun.

    `ended` is called after each, and `released` with a key whose line was handled. `idle`: the tasks that
    only wait, or fetch. An error that escapes a handler goes to `crash`.
    """

    def __init__(
        self,
        lanes: Lanes[Part[Item, Outcome]],
        limit: int,
        handle: Callable[[Hashable, list[Part[Item, Outcome]]], Awaitable[None]],
        *,
        idle: Callable[[], set[asyncio.Task[None]]],
        released: Callable[[Hashable], None],
        ended: Callable[[], None],
        crash: Callable[[BaseException], None],
    ) -> None:
        self._lanes, self._limit, self._handle = lanes, limit, handle
        self._idle, self._released, self._after, self._crash = idle, released, ended, crash
        self._tasks: set[asyncio.Task[None]] = set()
        self._aside: set[asyncio.Task[None]] = set()
        self._returning: deque[tuple[asyncio.Task[None], asyncio.Future[None]]] = deque()
        self._quiet = asyncio.Event()
        self.epoch = 0
        """Goes up each time that records are let go: a slot of an older one counts for nothing any more."""

    def current(self, slot: Slot[Item, Outcome]) -> bool:
        """Whether the record was not let go since it was taken in."""
        return slot.epoch == self.epoch

    def dispatch(self) -> None:
        """Has what is ready handled, as far as there are slots."""
        while len(self._tasks) - len(self._aside) < self._limit:
            if self._returning:
                self._return()
                continue
            taken = self._lanes.take()
            if taken is None:
                break
            task = asyncio.create_task(self._run(*taken))
            self._tasks.add(task)
            task.add_done_callback(self._ended)
        if not self._tasks:
            self._quiet.set()

    async def _sleep(self, seconds: float) -> None:
        """Sleeps without a slot, and takes the next one that is free."""
        task = asyncio.current_task()
        if task is None or task not in self._tasks:
            await asyncio.sleep(seconds)
            return
        self._aside.add(task)
        self.dispatch()
        try:
            await asyncio.sleep(seconds)
            room = asyncio.get_running_loop().create_future()
            self._returning.append((task, room))
            self.dispatch()
            await room
        finally:
            self._aside.discard(task)

    def _return(self) -> None:
        task, room = self._returning.popleft()
        if not room.done():
            self._aside.discard(task)
            room.set_result(None)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._crash(error)
        self._after()
        self.dispatch()

    async def _run(self, key: Hashable, waiting: list[Part[Item, Outcome]]) -> None:
        epoch = self.epoch
        try:
            with aside.slept(self._sleep):
                await self._handle(key, waiting)
        except BaseException:
            if epoch == self.epoch:
                self._lanes.abandon(key)
            raise
        if epoch == self.epoch:
            self._lanes.release(key)
            self._released(key)

    def trim(self, holes: Collection[Entry]) -> None:
        """Drops what only waits, but for what keeps something finished from being committed: `holes`."""
        self._lanes.keep(lambda part: part.slot.entry in holes)
        self.dispatch()

    async def until_quiet(self, limit_s: float) -> None:
        """Waits until nothing runs. What only waits, or fetches, is cancelled: no work is lost by it."""
        try:
            async with asyncio.timeout(limit_s):
                while self._tasks:
                    for task in (self._idle() | self._aside) & self._tasks:
                        task.cancel()
                    self._quiet.clear()
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self._quiet.wait(), LOOK_AGAIN_S)
        except TimeoutError:
            logger.warning("%d handlers are cancelled after %g s", len(self._tasks), limit_s)

    def let_go(self) -> set[asyncio.Task[None]]:
        """Lets go of all records, and cancels the handlers that run: these tasks."""
        self.epoch += 1
        self._lanes.clear()
        for task in self._tasks:
            task.cancel()
        return set(self._tasks)
