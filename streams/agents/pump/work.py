"""What a pump is given to do, and how much of it at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from streams.errors import Rejected
from streams.messages.records import Record

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")


@dataclass(frozen=True, slots=True)
class Combined:
    """The first `length` of the items that wait in line become the one at index `winner`."""

    length: int = 1
    winner: int = 0


@dataclass(frozen=True, slots=True)
class Ended(Generic[Item, Outcome]):
    """How a part of a record ended; `item` is None where `prepare` refused the record."""

    item: Item | None
    outcome: Outcome | Rejected


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of a record until it is concluded; `size`: its bytes, and those of its parts."""

    record: Record
    size: int


Fetch = Callable[[], Awaitable[None]]
"""Fetches something, so that it is there on return. Raises as `Work.handle` does."""


class Work(Protocol[Item, Outcome]):
    """What is done with each record: taken apart, each part handled in its key's order, concluded."""

    def fetch(self, record: Record) -> Fetch | None:
        """What has to be fetched before `prepare` can take the record apart; None where nothing has to be.

        Pure. While it is awaited, the records behind this one in its partition wait.
        """
        ...

    def prepare(self, record: Record) -> Sequence[tuple[Hashable, Item]]:
        """The parts of a record, each with the key by which it is ordered; none where nothing is to be done.

        Pure. Raises `Rejected`: the record is a dead letter.
        """
        ...

    def keep(self, record: Record, items: Sequence[Item]) -> Kept:
        """What is kept of a record that was taken apart into these. Pure.

        One that is `bare` is read again from Kafka should it become a dead letter. A record that something
        had to be fetched for is kept whole.
        """
        ...

    def combine(self, waiting: Sequence[Item]) -> Combined:
        """Which of the items waiting in one line (at least one, in order) is handled for which. Pure."""
        ...

    def superseded(self, item: Item) -> Outcome:
        """The outcome of an item for which another one was handled. Pure."""
        ...

    async def handle(self, item: Item) -> Outcome:
        """Does the work; idempotent, as it may be done again, and cancelled at any point.

        Raises `Rejected` (a dead letter), `Retryable` (tried again, for ever while the canary fails) or
        `Misconfigured` (the worker stops). Anything else is a fault of the record or of ours: tried again
        a few times, then a dead letter.
        """
        ...

    async def conclude(self, record: Record, ended: Sequence[Ended[Item, Outcome]]) -> None:
        """Called once all parts have ended, before the record is acknowledged; a dead letter is written then.

        `ended` is in the order of the parts, and empty where there are none. May be called again for a
        record that is delivered again. What it writes must be small whatever the record holds: it raises
        `Rejected` only where a topic takes nothing, which stops the worker.
        """
        ...


class OneByOne(Generic[Item, Outcome]):
    """For work in which no item can stand for another, and nothing has to be fetched before it."""

    def fetch(self, _record: Record) -> Fetch | None:
        """Nothing."""
        return None

    def keep(self, record: Record, _items: Sequence[Item]) -> Kept:
        """All of the record."""
        return Kept(record, record.held)

    def combine(self, _waiting: Sequence[Item]) -> Combined:
        """The first alone."""
        return Combined()

    def superseded(self, item: Item) -> Outcome:
        """Never asked."""
        raise NotImplementedError(type(item).__name__)


PENDING_BYTES = 16 * 1024 * 1024
"""What is kept of the records that a pump works on, where none of them waits for long."""


@dataclass(frozen=True, slots=True)
class PumpSettings:
    """How much at once, how long, how often.

    `slots` items are handled at the same time. A partition is paused when its `window` of records is
    taken; no more records are read at `max_pending` of them, or `max_pending_bytes` of what is kept of them.
    `drain_s`: what running work is given when partitions are taken away; all members wait for it.
    `handle_limit_s`: a handler that shows no progress (`streams.alive`) for so long is hung.
    `poison_after` failures while the canary passes make a dead letter, `failed_after` where the error is
    none of ours. `canary_limit_s`: how long the canary may take. Backoff doubles from `backoff_s` to
    `backoff_max_s`, with jitter. `commit_interval_s`: at least so long between two commits. `max_bytes`:
    what the dead letter topic takes. `freeze_s`: a process in which nothing ran for so long may have lost
    its place in the group, whose session must be longer.
    """

    dead_topic: str
    retry_topics: frozenset[str] = frozenset()
    name: str = "pump"
    slots: int = 32
    window: int = 2000
    max_pending: int = 10_000
    max_pending_bytes: int = PENDING_BYTES
    drain_s: float = 4.0
    handle_limit_s: float = 600.0
    poison_after: int = 5
    failed_after: int = 3
    canary_limit_s: float = 10.0
    backoff_s: float = 0.2
    backoff_max_s: float = 10.0
    commit_interval_s: float = 0.1
    max_bytes: int = 8 * 1024 * 1024
    freeze_s: float = 3.0
