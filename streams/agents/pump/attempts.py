"""Trying one item until it is done, or known to be at fault itself."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Generic, TypeVar

from streams.agents.pump.backoff import Backoff
from streams.agents.pump.dependency import Dependency
from streams.alive import Alive, heard
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
class Patience:
    """After what an item is at fault: failures while the canary passes, seconds without any progress."""

    poison_after: int
    failed_after: int
    limit_s: float


class Attempts:
    """Runs handlers. Failures count against an item only while the canary passes.

    An item that failed is tried again alone among those that failed, so that two bad ones can't blame
    each other.
    """

    def __init__(
        self, dependency: Dependency, patience: Patience, backoff: Backoff, observe: Observer, name: str
    ) -> None:
        self._dependency, self._patience, self._backoff = dependency, patience, backoff
        self._observe, self._name = observe, name
        self._alone = asyncio.Lock()
        self.sleeping: set[asyncio.Task[None]] = set()
        """Tasks that only wait; cancelling one loses no work."""

    async def __call__(self, handle: Callable[[], Awaitable[T]]) -> Tried[T]:
        """How `handle` ended. Raises `Misconfigured`, and CancelledError where the caller is cancelled."""
        failures = attempts = 0
        while True:
            await self._wait(self._dependency.up())
            attempts += 1
            try:
                return Tried(await self._try(handle, suspect=failures > 0), attempts)
            except Rejected as error:
                return Tried(error, attempts)
            except Retryable as error:
                failure: Exception = error
            except Misconfigured:
                raise
            except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - nothing escapes a handler
                failure = _ours(error)
            self._observe(Observed("retries", labels={"pump": self._name, "code": _code(failure)}))
            if not await self._wait(self._dependency.well()):
                continue
            failures += 1
            if failures >= self._allowed(failure):
                return Tried(_at_fault(failure, failures), attempts)
            asked = failure.retry_after if isinstance(failure, Retryable) else None
            await self._wait(asyncio.sleep(self._backoff.wait(failures, at_least=asked)))

    async def _try(self, handle: Callable[[], Awaitable[T]], *, suspect: bool) -> T:
        if not suspect:
            return await self._limited(handle)
        await self._wait(self._alone.acquire())
        try:
            return await self._limited(handle)
        finally:
            self._alone.release()

    async def _limited(self, handle: Callable[[], Awaitable[T]]) -> T:
        limit_s = self._patience.limit_s
        try:
            async with asyncio.timeout(limit_s) as limit:
                with heard(_again(limit, limit_s)):
                    return await handle()
        except TimeoutError:
            if not limit.expired():
                raise
            raise Retryable(f"nothing came of it for {limit_s:g} s", code="hung") from None

    async def idle(self, awaitable: Awaitable[T]) -> T:
        """For a handler that waits without work in hand: what it waits for. To cancel it loses nothing."""
        return await self._wait(awaitable)

    async def _wait(self, awaitable: Awaitable[T]) -> T:
        with self._asleep():
            return await awaitable

    @contextmanager
    def _asleep(self) -> Iterator[None]:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine runs in a task
        self.sleeping.add(task)
        try:
            yield
        finally:
            self.sleeping.discard(task)

    def _allowed(self, failure: Exception) -> int:
        return self._patience.poison_after if isinstance(failure, Retryable) else self._patience.failed_after


def _again(limit: asyncio.Timeout, limit_s: float) -> Alive:
    """Begins the limit anew; seldom, as a timer costs more than what most items are made of."""
    loop = asyncio.get_running_loop()
    since = loop.time()

    def alive() -> None:
        nonlocal since
        now = loop.time()
        if now - since >= limit_s / 100:
            since = now
            with suppress(RuntimeError):  # Over: somebody goes on with what the handler asked for.
                limit.reschedule(now + limit_s)

    return alive


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
