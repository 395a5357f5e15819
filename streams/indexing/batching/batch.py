"""What goes into one call: pieces of several callers' requests, which share its results or its error."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar, cast

from streams.alive import Alive

T = TypeVar("T")
R = TypeVar("R")


@dataclass(slots=True, eq=False)
class Request(Generic[T, R]):
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
        """The results of the items from `start` on."""
        self.results[start : start + len(results)] = results
        self.missing -= len(results)
        self.alive()
        if not self.missing and not self.future.done():
            self.future.set_result(cast("list[R]", self.results))

    def fail(self, error: BaseException) -> None:
        """The caller gets the error, unless he has something already."""
        if not self.future.done():
            self.future.set_exception(error)


class Piece(NamedTuple, Generic[T, R]):
    """The items [start, stop) of a request."""

    request: Request[T, R]
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Batch(Generic[T, R]):
    """The pieces of one call."""

    pieces: Sequence[Piece[T, R]]

    def __len__(self) -> int:
        """How many items these are."""
        return sum(stop - start for _, start, stop in self.pieces)

    @property
    def items(self) -> Sequence[T]:
        """All of them."""
        return [item for request, start, stop in self.pieces for item in request.items[start:stop]]

    @property
    def requests(self) -> Sequence[Request[T, R]]:
        """Whose they are."""
        return [request for request, _, _ in self.pieces]

    def wanted(self) -> Batch[T, R]:
        """Without the pieces of callers who left, or have their error."""
        return Batch([piece for piece in self.pieces if not piece.request.future.done()])

    def share(self, results: Sequence[R]) -> None:
        """Gives each caller the results of his items."""
        done = 0
        for request, start, stop in self.pieces:
            request.give(start, results[done : done + stop - start])
            done += stop - start

    def fail(self, error: Exception) -> None:
        """Gives all callers the error."""
        for request in self.requests:
            request.fail(error)

    def alive(self) -> None:
        """Tells whoever waits for a caller that he gets on."""
        for request in self.requests:
            request.alive()

    def halves_by_caller(self) -> tuple[Batch[T, R], Batch[T, R]]:
        """Half of the pieces each."""
        middle = len(self.pieces) // 2
        return Batch(self.pieces[:middle]), Batch(self.pieces[middle:])

    def halves(self) -> tuple[Batch[T, R], Batch[T, R]]:
        """Half of the items each."""
        middle = len(self) // 2
        first: list[Piece[T, R]] = []
        second: list[Piece[T, R]] = []
        for request, start, stop in self.pieces:
            cut = min(stop, start + middle)
            middle -= cut - start
            if start < cut:
                first.append(Piece(request, start, cut))
            if cut < stop:
                second.append(Piece(request, cut, stop))
        return Batch(first), Batch(second)
