"""Untaken: a question's events that are made, and not taken yet by who sends them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator

from streams.messages.answers import (
    AnswerCompleted,
    AnswerDelta,
    AnswerFailed,
    AnswerReset,
    AnswerStarted,
)

Event = AnswerStarted | AnswerDelta | AnswerReset | AnswerCompleted | AnswerFailed


class Untaken:
    """Keeps events in order. Whoever puts them in waits for nobody.

    It holds no more than the answer itself, however long nobody takes it: see `take_back`.
    """

    def __init__(self) -> None:
        self._events: deque[Event] = deque()
        self._news = asyncio.Event()

    def put(self, event: Event) -> None:
        """The next event."""
        self._events.append(event)
        self._news.set()

    def take_back(self) -> AnswerDelta | None:
        """The last piece of text if nobody has it yet: the next one can be made a part of it."""
        last = self._events[-1] if self._events else None
        if not isinstance(last, AnswerDelta):
            return None
        self._events.pop()
        return last

    async def until(self, over: asyncio.Task[None]) -> AsyncGenerator[Event, None]:
        """The events as they come, until `over` is and all are taken. Raises what that raises, then."""
        over.add_done_callback(lambda _: self._news.set())
        while True:
            while self._events:
                yield self._events.popleft()
            if over.done():
                await over
                return
            self._news.clear()
            await self._news.wait()
