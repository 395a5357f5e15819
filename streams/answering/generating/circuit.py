"""A circuit breaker: a model that keeps failing is left alone for a while, then tried with one question."""

from __future__ import annotations

from streams.ports import Monotonic


class Circuit:
    """Opens after `failures` in a row; lets one call through every `open_s` seconds until one succeeds.

    A trial that never reports back (its question was cancelled) costs that one interval.
    """

    def __init__(self, *, failures: int, open_s: float, monotonic: Monotonic) -> None:
        self._limit = failures
        self._open_s = open_s
        self._monotonic = monotonic
        self._failures = 0
        self._shut_until = 0.0

    @property
    def open(self) -> bool:
        """Whether calls are held back at the moment, but for trials."""
        return self._failures >= self._limit

    def admits(self) -> bool:
        """Whether a call may be made now; where the circuit is open, a True is the one trial."""
        if not self.open:
            return True
        now = self._monotonic()
        if now < self._shut_until:
            return False
        self._shut_until = now + self._open_s
        return True

    def succeeded(self) -> None:
        """The call went well: the circuit is closed."""
        self._failures = 0

    def failed(self) -> None:
        """The call failed through no fault of the caller's."""
        self._failures += 1
        if self.open:
            self._shut_until = self._monotonic() + self._open_s
