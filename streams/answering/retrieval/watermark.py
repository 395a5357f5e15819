"""How far the index is: asked for, and waited for where a question demands a state of it."""

from __future__ import annotations

from collections.abc import Sequence

from streams.answering.no_answer import NoAnswer
from streams.answering.retrieval.freshness import Freshness, freshness
from streams.answering.waiting.anteroom import Anteroom, TooMany
from streams.answering.waiting.deadline import Deadline
from streams.answering.waiting.patience import Patience
from streams.messages.questions import Asked, Question
from streams.messages.records import Offset
from streams.ports import Monotonic, Watermarks

TOLD_S = 1.5
"""How long the watermark may take to be told where an answer does not depend on it."""

MANY_WAIT = "Too many questions wait for the index already; ask again, or without `after`."


class Watermark:
    """Reads how far the index is, each time within what is left of a question's deadline."""

    def __init__(self, watermarks: Watermarks, patience: Patience, monotonic: Monotonic) -> None:
        self._watermarks, self._patience, self._monotonic = watermarks, patience, monotonic

    async def demanded(self, asked: Asked, deadline: Deadline, room: Anteroom) -> Freshness:
        """How far the index is, once it has dealt with what the question demands.

        Who has to wait takes a place in the `room`. Raises `NoAnswer` where there is none, or where the index
        is not so far in time and a stale answer is not allowed.
        """
        with deadline.measured("waited"):
            fresh = await self._reached(asked, deadline, room)
        if fresh.stale and not asked.question.allow_stale:
            raise _stale(never=fresh.never)
        return fresh

    async def _reached(self, asked: Asked, deadline: Deadline, room: Anteroom) -> Freshness:
        """How far the index is, once it is far enough or there is no more time, or room, to wait."""
        question, now = asked.question, self._monotonic()
        until = deadline.until - _reserve(deadline.left_s, allow_stale=question.allow_stale)
        told_by = until if question.allow_stale else deadline.until
        first = await self._read(question, until=now, told_by=min(now + TOLD_S, told_by))
        if first.never or not first.stale:
            return first
        try:
            with room.enter(asked.tenant):
                return await self._read(
                    question, until=until, told_by=told_by, untold=question.allow_stale,
                    told=first.watermark,
                )  # fmt: skip
        except TooMany:
            if question.allow_stale:
                return first
            raise NoAnswer("unavailable", MANY_WAIT, retryable=True) from None

    async def known(self, question: Question, deadline: Deadline, fresh: Freshness | None) -> Freshness:
        """How far the index is: `fresh`, where that was asked for already."""
        if fresh is not None:
            return fresh
        now, told_by = self._monotonic(), deadline.until
        if question.allow_stale:
            told_by = min(now + TOLD_S, told_by - _reserve(deadline.left_s, allow_stale=True))
        return await self._read(question, until=now, told_by=told_by, untold=question.allow_stale)

    async def _read(
        self,
        question: Question,
        *,
        until: float,
        told_by: float,
        untold: bool = True,
        told: tuple[Offset, ...] = (),
    ) -> Freshness:
        """As `freshness`, where Kafka is asked again and again until `told_by`."""

        async def read() -> Sequence[Offset]:
            return await self._patience("watermark", self._watermarks.applied, told_by)

        async def unreachable() -> Sequence[Offset]:
            return await self._patience(
                "watermark", lambda: self._watermarks.unreachable(question.after), told_by
            )

        return await freshness(
            read, unreachable, question.after, until=until, monotonic=self._monotonic, untold=untold,
            told=told,
        )  # fmt: skip


def _stale(*, never: bool) -> NoAnswer:
    if never:
        message = "No source has the topic or the partition that `after` names; name what `put` returned."
    else:
        message = (
            "The index has not dealt with all of `after` in time; ask again, give the question a later "
            "deadline, or allow a stale answer."
        )
    return NoAnswer("stale_index", message, retryable=not never)


def _reserve(left_s: float, *, allow_stale: bool) -> float:
    """Seconds to keep for the answer itself while waiting: half where there will be one in any case."""
    return left_s / 2 if allow_stale else min(0.5, left_s / 10)
