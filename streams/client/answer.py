"""One question's answer, as it arrives."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator
from typing import Any, Self

from streams.errors import Rejected, Retryable, StreamsError
from streams.messages.answers import AnswerCompleted, AnswerDelta, AnswerFailed
from streams.messages.reader import AnswerReader, Event, Shown


class Token(str):
    """A piece of an answer. Of a later `attempt` than the piece before: forget all that came before it."""

    __slots__ = ("attempt",)

    attempt: int

    @classmethod
    def of(cls, delta: AnswerDelta) -> Self:
        """The piece that `delta` brings."""
        return cls.made(delta.text, delta.attempt)

    @classmethod
    def made(cls, text: str, attempt: int) -> Self:
        """This text, of that attempt."""
        token = cls(text)
        token.attempt = attempt
        return token


class Answer:
    """An answer that is yet to come: iterate over its tokens or its `events`, or await the whole.

    Its tokens, but for those that a later attempt takes back, are its text: what they lack at its end, as
    where `stream` is false, is one more token. The question is sent when the first event is asked for, and
    once: whichever of the three comes next, or the same one again, goes on where the last one was left. One
    reads at a time; another one meanwhile gets `Rejected` (`being_read`). Where the question ends in
    `answer.failed`, tokens and `await` raise `Retryable` or `Rejected` with the event's code; `events` ends
    with that event. What reading raised is raised again.
    """

    def __init__(self, ask: Callable[[], AsyncGenerator[Event, None]]) -> None:
        self._ask, self._reader, self._shown = ask, AnswerReader(), Shown()
        self._source: AsyncGenerator[Event, None] | None = None
        self._raised: Exception | None = None
        self._being_read = False

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
        while (event := await self._next()) is not None:
            if self._reader.feed(event):
                if isinstance(event, AnswerDelta):
                    self._shown.add(event)
                yield event

    async def _next(self) -> Event | None:
        """The next event; None after the last one."""
        if self._raised is not None:
            raise self._raised
        if self._being_read:
            raise Rejected("somebody reads this answer already: one at a time", code="being_read")
        self._source = self._source or self._ask()
        self._being_read = True
        try:
            return await anext(self._source, None)
        except Exception as error:
            self._raised = error
            raise
        finally:
            self._being_read = False

    async def __aiter__(self) -> AsyncIterator[Token]:
        async for event in self.events():
            if isinstance(event, AnswerDelta):
                yield Token.of(event)
            elif isinstance(event, AnswerCompleted) and (left := self._left(event)):
                yield left
        if isinstance(self._reader.terminal, AnswerFailed):
            raise _failure(self._reader.terminal)

    def _left(self, completed: AnswerCompleted) -> Token:
        """What the tokens lack of the whole: of a new attempt where they said something else."""
        text, instead = self._shown.left(completed)
        return Token.made(
            text, self._shown.attempt + 1 if instead else self._shown.attempt or completed.attempt
        )

    def __await__(self) -> Generator[Any, None, AnswerCompleted]:
        return self._whole().__await__()

    async def _whole(self) -> AnswerCompleted:
        if self.completed is None:
            async for _ in self:
                pass
        if self.completed is None:
            raise Retryable("the answer did not end; ask again", code="no_answer")
        return self.completed


def _failure(failed: AnswerFailed) -> StreamsError:
    kind = Retryable if failed.retryable else Rejected
    return kind(failed.message, code=failed.code)
