"""Telling whoever waits for some work that it gets on, so that a limit is one on silence."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Alive = Callable[[], None]
"""Called whenever something came of the work; costs next to nothing."""


def _nobody() -> None:
    """Nobody waits."""


_waiting: ContextVar[Alive] = ContextVar("alive", default=_nobody)


def alive() -> Alive:
    """What is to be called when something came of what this task asked for, now or from another task."""
    return _waiting.get()


@contextmanager
def heard(by: Alive) -> Iterator[None]:
    """Within it, `by` is told of what is done here."""
    token = _waiting.set(by)
    try:
        yield
    finally:
        _waiting.reset(token)
