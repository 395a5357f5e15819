"""An event loop in a thread of its own, for callers without one. Nobody waits for it once it has ended."""

from __future__ import annotations

import asyncio
import atexit
import sys
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Iterator
from concurrent.futures import CancelledError
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress
from typing import Any, TypeVar

from streams.client.closed import closed

T = TypeVar("T")

CLOSE_S = 15.0
"""How long what is open in a loop may take to close: longer than a client takes where Kafka hangs."""


class Loop:
    """Runs until it is closed, at the latest before the interpreter ends: daemon threads are lost then."""

    def __init__(self) -> None:
        self._loop, self._stack = asyncio.new_event_loop(), AsyncExitStack()
        # Whoever holds it may meet the garbage collector, which closes iterations: they take it again.
        self._lock, self._closed = threading.RLock(), False
        self._iterated: set[AsyncIterator[Any]] = set()
        self._leaving: set[asyncio.Task[Any]] = set()
        self._thread = threading.Thread(target=self._serve, name="rag-streams", daemon=True)
        self._thread.start()
        atexit.register(self.close)

    def _serve(self) -> None:
        self._loop.run_forever()
        self._loop.close()

    @property
    def _runs(self) -> bool:
        # A daemon thread is still alive by its own account when the interpreter has stopped it; in a process
        # that was forked there is none.
        return not self._closed and self._thread.is_alive() and not sys.is_finalizing()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """What `work` gives; Ctrl-C ends the wait, and the work with it.

        Raises `Rejected` (`closed`) where the loop has ended, or ends meanwhile.
        """
        with self._lock:
            if not self._runs or threading.current_thread() is self._thread:
                work.close()
                raise closed()
            future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except CancelledError:
            raise closed() from None
        except BaseException:
            future.cancel()
            raise

    def enter(self, manager: AbstractAsyncContextManager[T]) -> T:
        """What `manager` gives, until the loop is closed."""
        return self.run(self._stack.enter_async_context(manager))

    def iterate(self, items: AsyncIterator[T]) -> Iterator[T]:
        """One after the other; who leaves early closes them."""
        self._iterated.add(items)
        try:
            while True:
                try:
                    item = self.run(_next(items))
                except StopAsyncIteration:
                    return
                yield item
        finally:
            self._iterated.discard(items)
            self._leave(items)

    def _leave(self, items: AsyncIterator[Any]) -> None:
        with self._lock:
            if not self._runs:
                return
            left = asyncio.run_coroutine_threadsafe(self._close(items), self._loop)
        if threading.current_thread() is not self._thread:
            # Else the garbage collector came by there: to wait in the loop for the loop would be for ever.
            with suppress(CancelledError):
                left.result()

    def close(self) -> None:
        """Leaves what was entered, ends what still runs, the loop and its thread. Once more is no mistake."""
        with self._lock:
            atexit.unregister(self.close)
            if not self._runs:
                return
            self._closed = True
            ending = asyncio.run_coroutine_threadsafe(self._end(), self._loop)
        if threading.current_thread() is self._thread:
            return
        with suppress(TimeoutError):
            ending.result(CLOSE_S)
            self._thread.join(CLOSE_S)

    async def _close(self, items: AsyncIterator[Any]) -> None:
        task = _this_task()
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)
        if isinstance(items, AsyncGenerator):
            # One that is being read still was cancelled there (Ctrl-C), and that closes it.
            with suppress(RuntimeError):
                await items.aclose()

    async def _end(self) -> None:
        loop = asyncio.get_running_loop()
        # Added after that which tells who waits, and so called after it.
        _this_task().add_done_callback(lambda _: loop.stop())
        try:
            await asyncio.gather(*map(self._close, tuple(self._iterated)), return_exceptions=True)
            await self._stack.aclose()
        finally:
            await self._wind_up()

    async def _wind_up(self) -> None:
        """Cancels what runs and closes what was left half read, as `asyncio.run` does."""
        tasks = asyncio.all_tasks() - {_this_task()}
        for task in tasks - self._leaving:
            if not task.cancelling():
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.get_running_loop().shutdown_asyncgens()


def _this_task() -> asyncio.Task[Any]:
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - a coroutine runs in a task
    return task


async def _next(items: AsyncIterator[T]) -> T:
    return await anext(items)
