"""One question's answer, as it arrives."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator
from typing import Any, Self

from streams.errors import Rejected, Retryable, StreamsError
from streams.messages.answers import AnswerCompleted, AnswerDelta, AnswerFailed
from streams.messages.reader import AnswerReader, Event


class Token(str):
    """A piece of an answer. Of a later `attempt` than the piece before: forget all that came before it."""

    __slots__ = ("attempt",)

    attempt: int

    @classmethod
    def of(cls, delta: AnswerDelta) -> Self:
        """The piece that `delta` brings."""
        token = cls(delta.text)
        token.attempt = delta.attempt
        return token


class Answer:
    """An answer that is yet to come: iterate over its tokens or its `events`, or await the whole.

    The question is sent when the first event is asked for. Each of the three may be used once. Where the
    question ends in `answer.failed`, tokens and `await` raise `Retryable` or `Rejected` with the event's
    code; `events` ends with that event.
    """

    def __init__(self, ask: Callable[[], AsyncGenerator[Event, None]]) -> None:
        self._ask, self._reader = ask, AnswerReader()

    @property
    def text(self) -> str:
        """The answer so far; once it has ended, the whole."""
        return self._reader.text

    @property
    def completed(self) -> AnswerCompleted | None:
        """The event that ended it, with its citations; None before, and where it failed."""
        terminal = self._reader.terminal
        return terminal if isinstance(terminal, AnswerCompleted) else None

    async def events(self) -> AsyncIterator[Event]:
        """The answer's events, each once, to the terminal one.

        Raises `Retryable` where none came in time, and as sending the question does.
        """
        async for event in self._ask():
            if self._reader.feed(event):
                yield event

    async def __aiter__(self) -> AsyncIterator[Token]:
        async for event in self.events():
            if isinstance(event, AnswerDelta):
                yield Token.of(event)
            elif isinstance(event, AnswerFailed):
                raise _failure(event)

    def __await__(self) -> Generator[Any, None, AnswerCompleted]:
        return self._whole().__await__()

    async def _whole(self) -> AnswerCompleted:
        async for _ in self:
            pass
        if self.completed is None:
            raise Retryable("the answer did not end; ask again", code="no_answer")
        return self.completed


def _failure(failed: AnswerFailed) -> StreamsError:
    kind = Retryable if failed.retryable else Rejected
    return kind(failed.message, code=failed.code)
