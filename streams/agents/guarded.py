"""An answerer that ends every question, whatever it does."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Protocol

from streams.agents.asking import LATE, UNAVAILABLE, Failure
from streams.agents.conversations import Turn
from streams.errors import Misconfigured
from streams.messages.answers import AnswerCompleted, AnswerFailed
from streams.messages.questions import Asked
from streams.messages.reader import Event
from streams.messages.records import Offset
from streams.ports import Now

logger = logging.getLogger(__name__)

GRACE_S = 5.0
"""How long after its deadline an answerer that has not ended the question is given up."""


class Answers(Protocol):
    """What answers questions; see `streams.answering.answerer`."""

    def answer(
        self, asked: Asked, *, attempt: int = 1, resumed: bool = False, turn: Turn
    ) -> AsyncGenerator[Event, None]:
        """The events from `attempt` on; the last one is terminal. Raises `Misconfigured`.

        It begins when `turn` returns.
        """
        ...

    def give_way(self, at: Offset) -> None:
        """The question that stands there is in the way of others, should it only wait."""
        ...


async def guarded(
    answerer: Answers, asked: Asked, attempt: int, turn: Turn, now: Now, *, grace_s: float = GRACE_S
) -> AsyncGenerator[Event, None]:
    """The answerer's events, and a terminal one of ours where it fails or hangs. Raises `Misconfigured`.

    Time that passes between its events, while they are sent, is not held against it.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + _left_s(asked, now)
    last: Event | None = None
    async with aclosing(answerer.answer(asked, attempt=attempt, resumed=attempt > 1, turn=turn)) as events:
        while not isinstance(last, AnswerCompleted | AnswerFailed):
            got = await _next(events, max(until - loop.time(), 0.0) + grace_s)
            if isinstance(got, Failure):
                number, seq = (attempt, 0) if last is None else (last.attempt, last.seq + 1)
                last = got.event(asked, now, attempt=number, seq=seq if asked.question.stream else 0)
            else:
                last = got
            yield last


async def _next(events: AsyncGenerator[Event, None], limit_s: float) -> Event | Failure:
    limit = asyncio.timeout(limit_s)
    try:
        async with limit:
            return await anext(events)
    except Misconfigured:
        raise
    except StopAsyncIteration:
        logger.warning("the answerer ended a question without a terminal event")
    except (Exception, asyncio.CancelledError) as error:
        task = asyncio.current_task()
        if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
            raise
        if limit.expired():
            return LATE
        logger.warning("the answerer raised %s", type(error).__name__)
    return UNAVAILABLE


def _left_s(asked: Asked, now: Now) -> float:
    whole = asked.question.deadline_ms / 1000
    return min(whole, asked.timestamp / 1000 + whole - now().timestamp())
