"""Calls that come at the same time become one call of many items.

What comes in while a call is under way waits and leaves together with all that came meanwhile, or once
it is enough for a call of its own; when none is under way, it leaves at once. So batches grow with the
load, and nothing waits for a timer.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from typing import Generic, TypeVar

from streams.alive import alive
from streams.errors import Rejected, Retryable, TooMuch
from streams.indexing.batching.batch import Batch, Piece, Request
from streams.indexing.batching.fit import Fit
from streams.ports import UNWATCHED, Watch

T = TypeVar("T")
R = TypeVar("R")


class Coalescer(Generic[T, R]):
    """Joins concurrent calls of `call`, which gives one result for each item, in order.

    At most `max_items` go into one call, and `max_in_flight` calls are under way at a time; beside another
    one, a call begins only with `enough` items, for what a call costs whatever is in it. Where `call`
    raises `Rejected` for items of several callers, it is tried again with halves of them, until the
    caller with what is refused stands alone: only that one gets the error. Any other error is raised in
    all callers of that call. What is `TooMuch` is tried again in halves once, and fewer items go into later
    calls: see `fit`. A caller that is cancelled leaves; the others don't notice. `watch` sees each
    call, as one of `operation`. Each result tells whoever waits for a caller in line that it gets on.
    """

    def __init__(
        self,
        call: Callable[[Sequence[T]], Awaitable[Sequence[R]]],
        *,
        max_items: int,
        max_in_flight: int = 1,
        enough: int = 1,
        watch: Watch = UNWATCHED,
        operation: str = "",
    ) -> None:
        self._call, self._max_in_flight, self._enough = call, max_in_flight, enough
        self._fit = Fit(max_items)
        self._watch, self._operation = watch, operation
        self._waiting: deque[Piece[T, R]] = deque()
        self._items = self._hangs = 0
        self._in_flight: set[asyncio.Task[None]] = set()

    @property
    def waiting(self) -> int:
        """Items that wait for the next call."""
        return self._items

    @property
    def at_once(self) -> int:
        """Items that go into one call now, at most."""
        return self._fit.size

    async def __call__(self, items: Sequence[T]) -> Sequence[R]:
        """One result for each of `items`, in order."""
        if not items:
            return []
        future: asyncio.Future[list[R]] = asyncio.get_running_loop().create_future()
        results: list[R | None] = [None] * len(items)
        request = Request(items, future, alive(), None, results, len(items), self._hangs)
        with self._watch.asked(self._operation, len(items)) as request.caller:
            self._waiting.append(Piece(request, 0, len(items)))
            self._items += len(items)
            self._start()
            return await future

    def _start(self) -> None:
        """Fills the free places; a task takes its batch as it first runs, so that calls of one tick meet."""
        if self._waiting and self._may_start():
            # In a context of its own: a call is no one caller's.
            task = asyncio.get_running_loop().create_task(self._run(), context=Context())
            self._in_flight.add(task)

    def _may_start(self) -> bool:
        if not self._in_flight:
            return True
        return len(self._in_flight) < self._max_in_flight and self._items >= self._enough

    async def _run(self) -> None:
        try:
            if (batch := self._take()).pieces:
                self._start()
                await self._settle(batch)
        except asyncio.CancelledError:
            for request, _, _ in self._waiting:
                request.future.cancel()
            self._waiting.clear()
            self._items = 0
            raise
        finally:
            self._in_flight -= {task for task in (asyncio.current_task(),) if task is not None}
            self._start()

    def _take(self) -> Batch[T, R]:
        pieces: list[Piece[T, R]] = []
        room = self._fit.size
        while room and self._waiting:
            request, start, stop = self._waiting.popleft()
            self._items -= stop - start
            if request.future.done():
                continue
            if stop - start > room:
                self._waiting.appendleft(Piece(request, start + room, stop))
                self._items += stop - start - room
                stop = start + room
            pieces.append(Piece(request, start, stop))
            room -= stop - start
        return Batch(pieces)

    async def _settle(self, batch: Batch[T, R], *, halved: bool = False) -> bool:
        """Gives every caller in the batch its results or its error; whether there was an answer."""
        batch = batch.wanted()
        if not batch.pieces:
            return True
        try:
            results = await self._ask(batch)
        except Rejected as error:
            await self._refused(batch, error)
        except TooMuch as error:
            return await self._too_much(batch, error, halved=halved)
        except asyncio.CancelledError:
            self._let_go(batch)
        except Exception as error:  # noqa: BLE001 - whatever it is belongs to those who called
            batch.fail(error)
            return False
        else:
            self._fit.well(len(results))
            batch.share(results)
            # The line moves.
            for request, _, _ in self._waiting:
                request.alive()
        return True

    async def _refused(self, batch: Batch[T, R], error: Rejected) -> None:
        if len(batch.pieces) == 1:
            batch.fail(error)
            return
        for half in batch.halves_by_caller():
            await self._settle(half)

    async def _too_much(self, batch: Batch[T, R], error: TooMuch, *, halved: bool) -> bool:
        """Tries halves, once: a server that hangs, too, takes too long for whatever it is asked.

        Its callers are told so soon, find out whether it is that, and ask again; then for less.
        """
        if len(batch) == 1:
            batch.fail(Retryable(str(error), code=error.code))
            return False
        if not halved and await self._halved(batch):
            self._fit.too_much(len(batch))
            return True
        if not halved:
            self._hung(batch)
        batch.fail(error)
        return False

    async def _halved(self, batch: Batch[T, R]) -> bool:
        batch.alive()
        first, second = batch.halves()
        return await self._settle(first, halved=True) and await self._settle(second, halved=True)

    def _hung(self, batch: Batch[T, R]) -> None:
        """Makes calls smaller if one of the callers came since they last were: he knows of no outage."""
        if any(request.hangs == self._hangs for request in batch.requests):
            self._fit.too_much(len(batch), sure=False)
            self._hangs += 1

    def _let_go(self, batch: Batch[T, R]) -> None:
        """Cancels the callers with this task; a call that cancelled itself is one that failed."""
        task = asyncio.current_task()
        stopping = task is not None and task.cancelling() > 0
        for request in batch.requests:
            if stopping:
                request.future.cancel()
            else:
                request.fail(Retryable("the call was cancelled from within; it is worth another try"))
        if stopping:
            raise asyncio.CancelledError

    async def _ask(self, batch: Batch[T, R]) -> Sequence[R]:
        items, callers = batch.items, [request.caller for request in batch.requests]
        with self._watch.call(self._operation, len(items), callers):
            results = await self._call(items)
        if len(results) != len(items):
            raise ValueError(f"{len(items)} items gave {len(results)} results")
        return results
