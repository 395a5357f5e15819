"""Whoever watches: what happened is handed to them, and calls are made under their eyes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Observed:
    """One thing that happened, for whoever watches: a name, numbers, and a few bounded labels."""

    name: str
    value: float = 1.0
    labels: Mapping[str, str] = field(default_factory=dict)


class Observer(Protocol):
    """Injected by the worker: metrics and logs in production, a list in tests."""

    def __call__(self, event: Observed, /) -> None:
        """Must not raise, must not block."""
        ...


def unobserved(_event: Observed, /) -> None:
    """The observer that looks away."""


class Watch(Protocol):
    """Watches the calls to one server, each made for one caller or for several at once."""

    def asked(self, operation: str, items: int) -> AbstractContextManager[object]:
        """To be entered for as long as somebody waits for a call; gives what the call is to know of who."""
        ...

    def call(
        self, operation: str, items: int, callers: Sequence[object] = ()
    ) -> AbstractContextManager[None]:
        """To be entered for as long as a call takes; sees what it raises. No callers: the present one."""
        ...


class Unwatched:
    """The watch that looks away."""

    def asked(self, operation: str, items: int) -> AbstractContextManager[object]:
        """Nothing."""
        del operation, items
        return nullcontext()

    def call(
        self, operation: str, items: int, callers: Sequence[object] = ()
    ) -> AbstractContextManager[None]:
        """Does nothing."""
        del operation, items, callers
        return nullcontext()


UNWATCHED = Unwatched()
