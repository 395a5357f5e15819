"""Running: one handler a key at a time, and letting go of them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Hashable
from contextlib import suppress
from typing import Generic, TypeVar

from streams.agents.pump.lanes import Lanes
from streams.agents.pump.scheduler import Scheduler
from streams.agents.pump.slots import Part, Slot
from streams.agents.pump.window import Entry

logger = logging.getLogger(__name__)

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")

LOOK_AGAIN_S = 0.05
"""How often a drain looks for handlers that only wait."""


class Running(Generic[Item, Outcome]):
    """Takes lines from `lanes` and has `handle` do them, as `scheduler` has slots.

    `ended` is called after each, and `released` with a key whose line was handled. An error that escapes a
    handler goes to `crash`.
    """

    def __init__(
        self,
        lanes: Lanes[Part[Item, Outcome]],
        scheduler: Scheduler,
        handle: Callable[[Hashable, list[Part[Item, Outcome]]], Awaitable[None]],
        *,
        released: Callable[[Hashable], None],
        ended: Callable[[], None],
        crash: Callable[[BaseException], None],
    ) -> None:
        self._lanes, self._scheduler, self._handle = lanes, scheduler, handle
        self._released, self._after, self._crash = released, ended, crash
        self._tasks: set[asyncio.Task[None]] = set()
        self._quiet = asyncio.Event()
        self.epoch = 0
        """Goes up each time that records are let go: a slot of an older one counts for nothing any more."""

    def current(self, slot: Slot[Item, Outcome]) -> bool:
        """Whether the record was not let go since it was taken in."""
        return slot.epoch == self.epoch

    def begin(self) -> asyncio.Task[None] | None:
        """Begins the line that has been ready for longest; None where none is."""
        taken = self._lanes.take()
        if taken is None:
            return None
        task = asyncio.create_task(self._run(*taken))
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._crash(error)
        self._scheduler.exit(task)
        self._after()
        self._scheduler.dispatch()
        if self._scheduler.empty:
            self._quiet.set()

    async def _run(self, key: Hashable, waiting: list[Part[Item, Outcome]]) -> None:
        epoch = self.epoch
        try:
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
        self._scheduler.dispatch()

    async def until_quiet(self, limit_s: float) -> None:
        """Waits until nothing runs. What only waits is cancelled: no work is lost by it."""
        try:
            async with asyncio.timeout(limit_s):
                while not self._scheduler.empty:
                    for task in self._scheduler.waiting:
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
        self._scheduler.forget()
        for task in self._tasks:
            task.cancel()
        return set(self._tasks)
