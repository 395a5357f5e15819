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
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar, cast

from streams.alive import Alive, alive
from streams.errors import Rejected, Retryable, TooMuch
from streams.indexing.batching.fit import Fit
from streams.ports import UNWATCHED, Watch

T = TypeVar("T")
R = TypeVar("R")


@dataclass(slots=True, eq=False)
class _Request(Generic[T, R]):
    """One caller's items; `results` fills up piece by piece. `alive`: tells of it whoever waits for him.

    `hangs`: how often calls were made smaller, until he came, because one had no answer in halves either.
    """

    items: Sequence[T]
    future: asyncio.Future[list[R]]
    alive: Alive
    caller: object = None
    results: list[R | None] = field(default_factory=list)
    missing: int = 0
    hangs: int = 0

    def give(self, start: int, results: Sequence[R]) -> None:
        self.results[start : start + len(results)] = results
        self.missing -= len(results)
        self.alive()
        if not self.missing and not self.future.done():
            self.future.set_result(cast("list[R]", self.results))

    def fail(self, error: BaseException) -> None:
        if not self.future.done():
            self.future.set_exception(error)


class _Piece(NamedTuple, Generic[T, R]):
    """The items [start, stop) of a request."""

    request: _Request[T, R]
    start: int
    stop: int


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
        self._waiting: deque[_Piece[T, R]] = deque()
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
        request = _Request(items, future, alive(), None, results, len(items), self._hangs)
        with self._watch.asked(self._operation, len(items)) as request.caller:
            self._waiting.append(_Piece(request, 0, len(items)))
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
            if batch := self._take():
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

    def _take(self) -> list[_Piece[T, R]]:
        batch: list[_Piece[T, R]] = []
        room = self._fit.size
        while room and self._waiting:
            request, start, stop = self._waiting.popleft()
            self._items -= stop - start
            if request.future.done():
                continue
            if stop - start > room:
                self._waiting.appendleft(_Piece(request, start + room, stop))
                self._items += stop - start - room
                stop = start + room
            batch.append(_Piece(request, start, stop))
            room -= stop - start
        return batch

    async def _settle(self, batch: Sequence[_Piece[T, R]], *, halved: bool = False) -> bool:
        """Gives every caller in the batch its results or its error; whether there was an answer."""
        batch = [piece for piece in batch if not piece.request.future.done()]
        if not batch:
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
            _fail(batch, error)
            return False
        else:
            self._fit.well(len(results))
            _share(batch, results)
            # The line moves.
            for request, _, _ in self._waiting:
                request.alive()
        return True

    async def _refused(self, batch: Sequence[_Piece[T, R]], error: Rejected) -> None:
        if len(batch) == 1:
            _fail(batch, error)
            return
        for half in (batch[: len(batch) // 2], batch[len(batch) // 2 :]):
            await self._settle(half)

    async def _too_much(self, batch: Sequence[_Piece[T, R]], error: TooMuch, *, halved: bool) -> bool:
        """Tries halves, once: a server that hangs, too, takes too long for whatever it is asked.

        Its callers are told so soon, find out whether it is that, and ask again; then for less.
        """
        count = sum(stop - start for _, start, stop in batch)
        if count == 1:
            _fail(batch, Retryable(str(error), code=error.code))
            return False
        if not halved and await self._halved(batch, count):
            self._fit.too_much(count)
            return True
        if not halved:
            self._hung(batch, count)
        _fail(batch, error)
        return False

    async def _halved(self, batch: Sequence[_Piece[T, R]], count: int) -> bool:
        for request, _, _ in batch:
            request.alive()
        first, second = _halves(batch, count // 2)
        return await self._settle(first, halved=True) and await self._settle(second, halved=True)

    def _hung(self, batch: Sequence[_Piece[T, R]], count: int) -> None:
        """Makes calls smaller if one of the callers came since they last were: he knows of no outage."""
        if any(request.hangs == self._hangs for request, _, _ in batch):
            self._fit.too_much(count, sure=False)
            self._hangs += 1

    def _let_go(self, batch: Sequence[_Piece[T, R]]) -> None:
        """Cancels the callers with this task; a call that cancelled itself is one that failed."""
        task = asyncio.current_task()
        stopping = task is not None and task.cancelling() > 0
        for piece in batch:
            if stopping:
                piece.request.future.cancel()
            else:
                piece.request.fail(Retryable("the call was cancelled from within; it is worth another try"))
        if stopping:
            raise asyncio.CancelledError

    async def _ask(self, batch: Sequence[_Piece[T, R]]) -> Sequence[R]:
        items: list[T] = []
        for request, start, stop in batch:
            items += request.items[start:stop]
        callers = [request.caller for request, _, _ in batch]
        with self._watch.call(self._operation, len(items), callers):
            results = await self._call(items)
        if len(results) != len(items):
            raise ValueError(f"{len(items)} items gave {len(results)} results")
        return results


def _share(batch: Sequence[_Piece[T, R]], results: Sequence[R]) -> None:
    done = 0
    for request, start, stop in batch:
        request.give(start, results[done : done + stop - start])
        done += stop - start


def _fail(batch: Sequence[_Piece[T, R]], error: Exception) -> None:
    for piece in batch:
        piece.request.fail(error)


def _halves(
    batch: Sequence[_Piece[T, R]], middle: int
) -> tuple[Sequence[_Piece[T, R]], Sequence[_Piece[T, R]]]:
    """The first `middle` items, and the others."""
    first: list[_Piece[T, R]] = []
    second: list[_Piece[T, R]] = []
    for request, start, stop in batch:
        cut = min(stop, start + middle)
        middle -= cut - start
        if start < cut:
            first.append(_Piece(request, start, cut))
        if cut < stop:
            second.append(_Piece(request, cut, stop))
    return first, second
