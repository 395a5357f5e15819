"""Why a question gets no answer, told to whoever asked it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from streams.errors import Rejected, Retryable
from streams.messages.answers import FailureCode, Guarded


class NoAnswer(Exception):
    """The question ends in `answer.failed`; the message is for whoever asked.

    `guard`: what the guard found, where that is why.
    """

    def __init__(
        self, code: FailureCode, message: str, *, retryable: bool, guard: Guarded | None = None
    ) -> None:
        super().__init__(message)
        self.code: FailureCode = code
        self.message = message
        self.retryable = retryable
        self.guard = guard


@contextmanager
def named() -> Iterator[None]:
    """Raises what dependencies raise as what it means to who asked."""
    try:
        yield
    except Retryable as failure:
        if failure.code == "deadline_exceeded":
            raise late() from failure
        raise NoAnswer(
            "unavailable", "The index can't be reached at the moment; ask again later.", retryable=True
        ) from failure
    except Rejected as failure:
        raise NoAnswer("invalid_question", str(failure), retryable=False) from failure


def late() -> NoAnswer:
    """The question had less time than its answer takes."""
    return NoAnswer(
        "deadline_exceeded", "The deadline came before there was an answer; ask again.", retryable=True
    )
