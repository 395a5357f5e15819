"""A question's deadline, and where its time went."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from streams.messages.answers import Timings
from streams.messages.questions import Asked
from streams.ports import Monotonic, Now

_LARGEST_MARGIN = 0.1


class Deadline:
    """What is left of the time for one question, from its record's timestamp on.

    `margin_s` is kept for what comes after the last step (citations, the way to the topic): at most a tenth
    of the whole. A timestamp that is ahead of our clock gives no more time than the question asked for.
    """

    def __init__(self, asked: Asked, *, now: Now, monotonic: Monotonic, margin_s: float) -> None:
        whole = asked.question.deadline_ms / 1000
        self.queued_s = max(0.0, now().timestamp() - asked.timestamp / 1000)
        self._monotonic = monotonic
        self._began = monotonic()
        self._margin_s = min(margin_s, _LARGEST_MARGIN * whole)
        self.until = self._began + whole - self.queued_s - self._margin_s
        self._spent: dict[str, float] = {}

    @property
    def left_s(self) -> float:
        """Seconds until everything must be done but the terminal event; negative where they are over."""
        return self.until - self._monotonic()

    @property
    def whole_left_s(self) -> float:
        """Seconds until the terminal event should be there."""
        return self.left_s + self._margin_s

    @contextmanager
    def measured(self, step: str) -> Iterator[None]:
        """Counts the time of the body as that of `step`, a field of `Timings`."""
        began = self._monotonic()
        try:
            yield
        finally:
            self._spent[step] = 1000 * (self._monotonic() - began)

    def spent(self, step: str, seconds: float | None) -> None:
        """Sets the time of `step`, None for not taken."""
        if seconds is None:
            self._spent.pop(step, None)
        else:
            self._spent[step] = 1000 * seconds

    def has(self, step: str) -> bool:
        """Whether the time of `step` is known."""
        return step in self._spent

    def timings(self) -> Timings:
        """Where the time went until now."""
        own = self._monotonic() - self._began
        return Timings(queued=1000 * self.queued_s, total=1000 * (self.queued_s + own), **self._spent)
