"""The reader's rule: what counts of the events of one question, whatever was sent twice or failed."""

from __future__ import annotations

import hashlib
from typing import TypeAlias

from streams.messages.answers import (
    AnswerCompleted,
    AnswerDelta,
    AnswerFailed,
    AnswerReset,
    AnswerStarted,
    Terminal,
)

Event: TypeAlias = AnswerStarted | AnswerDelta | AnswerReset | AnswerCompleted | AnswerFailed


class AnswerReader:
    """Reads the events of one question.

    Drops a repeated `(attempt, seq)`, keeps the highest attempt and the first terminal event. Once that is
    there, the events before it are forgotten.
    """

    def __init__(self) -> None:
        self._attempt = 0
        self._events: dict[int, Event] = {}
        self._terminal: Terminal | None = None
        self._text = ""

    @property
    def attempt(self) -> int:
        """The attempt that counts; 0 before the first event."""
        return self._attempt

    @property
    def text(self) -> str:
        """The answer so far: the terminal event's text, until then the attempt's deltas in order.

        Ends before the first event that is missing.
        """
        return self._said() if self._terminal is None else self._text

    def _said(self) -> str:
        pieces = []
        for seq in range(len(self._events)):
            event = self._events.get(seq)
            if event is None:
                break
            if isinstance(event, AnswerDelta):
                pieces.append(event.text)
        return "".join(pieces)

    @property
    def terminal(self) -> Terminal | None:
        """The event that ends the answer, once it is there."""
        return self._terminal

    def feed(self, event: Event) -> bool:
        """Whether the event counts. One of a higher attempt takes back what the one before said."""
        if self._terminal is not None:
            return False
        if isinstance(event, AnswerCompleted | AnswerFailed):
            self._text = event.text if isinstance(event, AnswerCompleted) else self._said()
            self._terminal, self._events = event, {}
            self._attempt = event.attempt
            return True
        if event.attempt < self._attempt:
            return False
        if event.attempt > self._attempt:
            self._attempt, self._events = event.attempt, {}
        if event.seq in self._events:
            return False
        self._events[event.seq] = event
        return True


class Shown:
    """What somebody was shown of an answer, piece by piece, and what is left of it at its end.

    The end may be of a lower attempt than the pieces before it, where a worker that was taken for lost had
    decided it first: then its text is another one.
    """

    def __init__(self) -> None:
        self.text, self.attempt = "", 0

    def add(self, delta: AnswerDelta) -> bool:
        """One more piece is shown. Whether that is, being of a later attempt, in place of what was."""
        instead = delta.attempt > self.attempt and bool(self.text)
        self.text = delta.text if instead else self.text + delta.text
        self.attempt = delta.attempt
        return instead

    def forget(self) -> None:
        """What was shown so far was said not to count."""
        self.text = ""

    def left(self, completed: AnswerCompleted) -> tuple[str, bool]:
        """What is still to be shown, and whether that is in place of what was."""
        if completed.text.startswith(self.text):
            return completed.text[len(self.text) :], False
        return completed.text, True


def intact(completed: AnswerCompleted) -> bool:
    """Whether the text is the one that was sent."""
    return hashlib.sha256(completed.text.encode()).hexdigest() == completed.sha256
