"""Admission: a question waits for its turn, the index and a place inside, while there is room for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TypeVar

from streams.answering.no_answer import late
from streams.answering.waiting.anteroom import Anteroom
from streams.answering.waiting.deadline import Deadline
from streams.answering.waiting.demand import Demand
from streams.answering.waiting.room import NoRoom, Room
from streams.answering.waiting.turnstile import Full, Turnstile
from streams.messages.questions import Asked
from streams.messages.records import Offset
from streams.ports import Monotonic

AWAITING_A_SLOT = 32
"""Questions that may wait for the index, for each that a model answers."""
WAITING_A_SLOT = 256
"""Questions that may wait for their turn: as many as a slot answers by the latest deadline, in 2.3 s each."""
MOST_WAITING_BYTES = 16 * 1024 * 1024
"""What the questions that wait may take together, whatever the slots: histories may be long."""
TAKEN_A_SLOT = WAITING_A_SLOT + AWAITING_A_SLOT + 32
"""Questions to be taken in at a time: all that may wait, and those that are being answered or refused."""

T = TypeVar("T")

Turn = Callable[[], Awaitable[None]]
"""Returns when it is a question's turn in its conversation."""


async def at_once() -> None:
    """The question is part of no conversation."""


class Admission:
    """Lets in `slots` questions, and `ahead` more for what is done before a slot is needed."""

    def __init__(self, slots: int, *, ahead: int, demand: Demand, monotonic: Monotonic) -> None:
        self._demand = demand
        self._turnstile = Turnstile(slots + ahead, most=slots * WAITING_A_SLOT, monotonic=monotonic)
        self._room = Room(slots * (AWAITING_A_SLOT + WAITING_A_SLOT), MOST_WAITING_BYTES)
        self._anteroom = Anteroom(slots * AWAITING_A_SLOT)

    @property
    def waiting(self) -> int:
        """Questions that wait for a place."""
        return self._turnstile.waiting

    def give_way(self, at: Offset) -> None:
        """Ends the question that stands there if it waits, and no tenant has more that wait."""
        self._room.give_way(at)

    @asynccontextmanager
    async def enter(
        self, asked: Asked, deadline: Deadline, turn: Turn, index: Callable[[Anteroom], Awaitable[T]]
    ) -> AsyncGenerator[T, None]:
        """A place inside, once `turn` and then `index` have returned; what `index` gives.

        `index` is given the room that it has to enter to wait. From then on the question is in demand of the
        models. Raises `Full`, `NoAnswer` where the deadline comes before its turn, and what `index` raises.
        """
        if deadline.left_s <= 0:
            raise late()
        async with AsyncExitStack() as inside:
            try:
                async with self._room.enter(asked):
                    await _within(deadline, turn)
                    # Before the turnstile: who waits for the index keeps no place there.
                    indexed = await index(self._anteroom)
                    inside.enter_context(self._demand.one())
                    await inside.enter_async_context(self._turnstile.enter(asked.tenant, deadline.left_s))
            except NoRoom:
                raise Full(self._turnstile.expected_s(asked.tenant)) from None
            yield indexed


async def _within(deadline: Deadline, turn: Turn) -> None:
    try:
        async with asyncio.timeout(deadline.left_s):
            await turn()
    except TimeoutError:
        raise late() from None
