"""Trying one item until it is done, or known to be at fault itself."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from streams import aside
from streams.agents.pump.backoff import Backoff
from streams.agents.pump.dependency import Dependency
from streams.agents.pump.scheduler import Scheduler
from streams.agents.pump.silence import Silence
from streams.alive import heard
from streams.errors import Misconfigured, Rejected, Retryable
from streams.ports import Observed, Observer

logger = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Tried(Generic[T]):
    """How it ended, after so many attempts."""

    outcome: T | Rejected
    attempts: int


@dataclass(frozen=True, slots=True)
class _Failed:
    """A try that failed, and may be made again."""

    failure: Exception

    @property
    def asked_s(self) -> float | None:
        """How long the other side asked to wait, in seconds."""
        return self.failure.retry_after if isinstance(self.failure, Retryable) else None

    @property
    def progress(self) -> bool:
        """Whether the next try has less to do."""
        return isinstance(self.failure, Retryable) and self.failure.progress


@dataclass(frozen=True, slots=True)
class Patience:
    """After what an item is at fault: failures while the canary passes, seconds without any progress."""

    poison_after: int
    failed_after: int
    limit_s: float


class Attempts:
    """Runs handlers. Failures count against an item only while the canary passes, and in a row.

    An attempt that came further than those before (`Retryable.progress`) begins the row anew.

    An item that failed is tried again alone among those that failed, so that two bad ones can't blame
    each other. Whatever it waits for between two tries, and aside, it waits for without a slot of
    `scheduler`. `stirred` is called whenever something came of a try, its end included.
    """

    def __init__(
        self,
        dependency: Dependency,
        patience: Patience,
        backoff: Backoff,
        observe: Observer,
        name: str,
        *,
        scheduler: Scheduler,
        stirred: Callable[[], None] = lambda: None,
    ) -> None:
        self._dependency, self._patience, self._backoff = dependency, patience, backoff
        self._observe, self._name = observe, name
        self._scheduler, self._stirred = scheduler, stirred

    async def __call__(self, handle: Callable[[], Awaitable[T]]) -> Tried[T]:
        """How `handle` ended; in a slot. Raises `Misconfigured`, and CancelledError where it is cancelled."""
        failures = attempts = 0
        while True:
            await self._turn(alone=failures > 0)
            attempts += 1
            outcome = await self._try(handle)
            self._stirred()
            if not isinstance(outcome, _Failed):
                return await self._end(outcome, attempts)
            self._scheduler.leave()
            self._observe(Observed("retries", labels={"pump": self._name, "code": _code(outcome.failure)}))
            if not await self._dependency.well():
                continue
            failures = 0 if outcome.progress else failures + 1
            if failures >= self._allowed(outcome.failure):
                return await self._end(_at_fault(outcome.failure, failures), attempts)
            await asyncio.sleep(self._backoff.wait(failures, at_least=outcome.asked_s))

    async def _turn(self, *, alone: bool | None = None) -> None:
        """Returns in a slot, while nothing is known to be down."""
        while True:
            if self._dependency.down:
                self._scheduler.leave()
                await self._dependency.up()
            await self._scheduler.come(alone=alone)
            if not self._dependency.down:
                return

    async def _end(self, outcome: T | Rejected, attempts: int) -> Tried[T]:
        await self._scheduler.come(alone=False)
        return Tried(outcome, attempts)

    async def _try(self, handle: Callable[[], Awaitable[T]]) -> T | Rejected | _Failed:
        try:
            return await self._limited(handle)
        except Rejected as error:
            return error
        except Retryable as error:
            return _Failed(error)
        except Misconfigured:
            raise
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - nothing escapes a handler
            return _Failed(_ours(error))

    async def _limited(self, handle: Callable[[], Awaitable[T]]) -> T:
        limit_s = self._patience.limit_s
        try:
            async with asyncio.timeout(limit_s) as limit:
                silence = Silence(limit, limit_s, self._stirred)
                with heard(silence.broken), aside.slept(self._aside(silence)):
                    return await handle()
        except TimeoutError:
            if not limit.expired():
                raise
            raise Retryable(f"nothing came of it for {limit_s:g} s", code="hung") from None

    def _aside(self, silence: Silence) -> aside.Sleep:
        """What has a handler sleep without its slot, and without its time running."""
        handling = asyncio.current_task()

        async def sleep(seconds: float) -> None:
            if asyncio.current_task() is not handling:
                await asyncio.sleep(seconds)
                return
            with silence.agreed():
                self._scheduler.leave(aside=True)
                await asyncio.sleep(seconds)
                await self._turn()

        return sleep

    def _allowed(self, failure: Exception) -> int:
        return self._patience.poison_after if isinstance(failure, Retryable) else self._patience.failed_after


def _ours(error: BaseException) -> Exception:
    """An exception that no handler should raise; a cancellation only where somebody cancelled the task."""
    task = asyncio.current_task()
    if isinstance(error, asyncio.CancelledError):
        if task is not None and task.cancelling():
            raise error
        return RuntimeError("a call cancelled itself")
    raised("a handler", error)
    return error if isinstance(error, Exception) else RuntimeError(type(error).__name__)


def raised(who: str, error: BaseException) -> None:
    """Logs where an exception came from that is none of ours, not what it says: it may quote a document."""
    where = traceback.extract_tb(error.__traceback__)[-1]
    logger.error("%s raised %s at %s:%s", who, type(error).__name__, where.filename, where.lineno)


def _code(failure: Exception) -> str:
    return failure.code if isinstance(failure, Retryable) else "failed"


def _at_fault(failure: Exception, failures: int) -> Rejected:
    """What makes a dead letter of it. An exception that is not ours may quote the document: only its name."""
    if isinstance(failure, Retryable):
        last = f"{failure.code}: {failure}"
        return Rejected(f"failed {failures} times while all else was well, last with {last}", code="poison")
    return Rejected(
        f"failed {failures} times with {type(failure).__name__}; the worker's log says where", code="failed"
    )
