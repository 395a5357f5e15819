"""The scheduler: which of the tasks that were begun works now, and who is next.

A slot is held by who works: its code runs, or waits for the answer to what it asked. Who waits for anything
else holds none: for an outage to end, the canary, a backoff, what others do first (aside), or its turn. So
nobody who works waits for somebody who can't, and whoever waits for a turn has it once others are done.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")

Task = asyncio.Task[Any]


@dataclass(slots=True, eq=False)
class _Begun:
    """A task that was begun and has not ended.

    `works`: it holds a slot. `counts`: among those that were begun and have not stepped aside. `alone`: it
    works alone among those of which that is said. `since`: the number of its place in line.
    """

    works: bool = False
    counts: bool = True
    alone: bool = False
    since: int = 0


_Line = OrderedDict[_Begun, "asyncio.Future[None]"]


class Scheduler:
    """Gives `limit` slots to tasks.

    - At most `limit` tasks work at a time, of those that work `alone` one.
    - Who comes back and new work, which `begin` begins, have the free slots by turns; who comes back, in the
      order in which they came. So hundreds that look again and again whether what they wait for was done
      leave room for it to be begun.
    - At most `limit` are begun that have not stepped aside, whether they work or wait: a failure of
      everything reaches no more than these. Who stepped aside waits for others, which must be able to begin.
    - Who is cancelled while it waits holds nothing, and stands in no line.

    `begin` gives the task that it began, None where there is nothing to begin. All but `enter`, `exit` and
    what only looks is of the task that calls it; a task that is none of ours waits for nothing.
    """

    def __init__(self, limit: int, begin: Callable[[], Task | None] = lambda: None) -> None:
        self._limit, self._begin = limit, begin
        self._begun: dict[Task, _Begun] = {}
        self._back: _Line = OrderedDict()
        self._suspects: _Line = OrderedDict()
        self._alone: _Begun | None = None
        self._working = self._counted = self._came = 0
        self._new_next = False

    @property
    def working(self) -> int:
        """How many work."""
        return self._working

    @property
    def waiting(self) -> set[Task]:
        """Tasks that hold no slot; cancelling one loses no work."""
        return {task for task, begun in self._begun.items() if not begun.works}

    @property
    def empty(self) -> bool:
        """Whether all that was begun has ended."""
        return not self._begun

    def enter(self, task: Task) -> None:
        """Has a task among those that were begun. It has no slot before it comes for one."""
        self._begun[task] = _Begun()
        self._counted += 1

    def exit(self, task: Task) -> None:
        """The task has ended."""
        begun = self._begun.pop(task, None)
        if begun is not None:
            self._give_up(begun, aside=True)
            self.dispatch()

    def forget(self) -> None:
        """Lets go of all tasks: whatever they still do, they hold nothing."""
        for begun in self._begun.values():
            begun.works = begun.counts = False
        self._begun.clear()
        self._back.clear()
        self._suspects.clear()
        self._alone = None
        self._working = self._counted = 0

    def dispatch(self) -> None:
        """Has those work that may, as far as there are slots."""
        while self._working < self._limit:
            steps = (self._one_new, self._one_back) if self._new_next else (self._one_back, self._one_new)
            if not any(step() for step in steps):
                return

    def _one_new(self) -> bool:
        """Begins one, where there is one that may be begun."""
        if self._counted >= self._limit or (task := self._begin()) is None:
            return False
        self.enter(task)
        self._take(self._begun[task])
        self._new_next = False
        return True

    def _one_back(self) -> bool:
        """Has the next one in line work, where there is one that may."""
        if (line := self._next()) is None:
            return False
        begun, turn = line.popitem(last=False)
        if not turn.done():  # else it is cancelled, and has not noticed yet
            self._take(begun)
            turn.set_result(None)
            self._new_next = True
        return True

    def leave(self, *, aside: bool = False) -> None:
        """Gives the slot up; `aside`: for what others do first, which may have to be begun."""
        if (begun := self._mine()) is not None:
            self._give_up(begun, aside=aside)
            self.dispatch()

    async def come(self, *, alone: bool | None = None) -> None:
        """Returns in a slot: `alone` or not, or, where that is not said, as when it left.

        Who works may come, too, to be `alone` no more.
        """
        begun = self._mine()
        if begun is None:
            return
        if alone is not None:
            begun.alone = alone
        if not begun.works:
            await self._turn(begun)
        elif self._alone is begun and not begun.alone:
            self._alone = None
            self.dispatch()

    async def without(self, awaitable: Awaitable[T]) -> T:
        """What `awaitable` gives, waited for without a slot; in one on return."""
        self.leave()
        result = await awaitable
        await self.come()
        return result

    @contextmanager
    def joined(self) -> Iterator[None]:
        """Within it, the task that calls this is among those that were begun here."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine runs in a task
        self.enter(task)
        try:
            yield
        finally:
            self.exit(task)

    async def _turn(self, begun: _Begun) -> None:
        turn = asyncio.get_running_loop().create_future()
        line = self._suspects if begun.alone else self._back
        self._came += 1
        begun.since, line[begun] = self._came, turn
        self.dispatch()
        try:
            await turn
        except asyncio.CancelledError:
            line.pop(begun, None)
            self._give_up(begun, aside=False)
            self.dispatch()
            raise

    def _next(self) -> _Line | None:
        """The line whose first has waited for longest, of those whose first may work."""
        lines = [self._back] if self._alone is not None else [self._back, self._suspects]
        return min((line for line in lines if line), key=lambda line: next(iter(line)).since, default=None)

    def _take(self, begun: _Begun) -> None:
        begun.works = True
        self._working += 1
        if begun.alone:
            self._alone = begun

    def _give_up(self, begun: _Begun, *, aside: bool) -> None:
        if begun.works:
            begun.works = False
            self._working -= 1
        if self._alone is begun:
            self._alone = None
        if aside and begun.counts:
            begun.counts = False
            self._counted -= 1

    def _mine(self) -> _Begun | None:
        task = asyncio.current_task()
        return None if task is None else self._begun.get(task)
