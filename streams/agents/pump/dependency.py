"""Telling an outage from a bad record: the canary, and the gate that is shut while it fails."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from streams.agents.pump.backoff import Backoff
from streams.errors import Misconfigured, StreamsError

logger = logging.getLogger(__name__)

Canary = Callable[[], Awaitable[None]]
"""Does with a fixed text and a fixed object what handlers do with records; raises where that fails."""


class Dependency:
    """Whether what the handlers need is there.

    `changed` is called each time that turns; `misconfigured` where the canary says that a person must act.
    """

    def __init__(
        self,
        canary: Canary,
        *,
        limit_s: float,
        backoff: Backoff,
        changed: Callable[[], None],
        misconfigured: Callable[[Misconfigured], None],
    ) -> None:
        self._canary, self._limit_s, self._backoff = canary, limit_s, backoff
        self._changed, self._misconfigured = changed, misconfigured
        self._open = asyncio.Event()
        self._open.set()
        self._asked: asyncio.Task[bool] | None = None
        self._probing: asyncio.Task[None] | None = None
        self.problem: str | None = None

    @property
    def down(self) -> bool:
        """Whether the canary failed when it was asked last."""
        return not self._open.is_set()

    async def up(self) -> None:
        """Returns when nothing is known to be down."""
        await self._open.wait()

    async def well(self) -> bool:
        """Asks the canary, once for all who ask at the same time; False shuts the gate until it passes."""
        if self.down:
            return False
        if self._asked is None or self._asked.done():
            self._asked = asyncio.create_task(self._passes())
        if await asyncio.shield(self._asked):
            return True
        self._shut()
        return False

    async def stop(self) -> None:
        """Asks no more."""
        tasks = [task for task in (self._asked, self._probing) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _shut(self) -> None:
        if self.down:
            return
        self._open.clear()
        logger.warning("records wait: %s", self.problem)
        self._changed()
        self._probing = asyncio.create_task(self._probe())

    async def _probe(self) -> None:
        failures = 1
        while True:
            await asyncio.sleep(self._backoff.wait(failures))
            if await self._passes():
                break
            failures += 1
        self._open.set()
        logger.warning("records go on: the canary passed after %d failures", failures)
        self._changed()

    async def _passes(self) -> bool:
        try:
            async with asyncio.timeout(self._limit_s):
                await self._canary()
        except Misconfigured as error:
            self.problem = str(error)
            self._misconfigured(error)
        except TimeoutError:
            self.problem = f"the canary took longer than {self._limit_s:g} s"
        except StreamsError as error:
            self.problem = f"{error.code}: {error}"
        except Exception as error:  # noqa: BLE001 - whatever it raises, it did not pass
            self.problem = f"the canary raised {type(error).__name__}"
        else:
            self.problem = None
            return True
        return False
