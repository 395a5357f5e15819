"""This worker's place in its consumer group, as the pump sees it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol


class Partition(NamedTuple):
    """One partition of one topic."""

    topic: str
    partition: int


class Stretch(NamedTuple):
    """Offsets of one partition, from `begin` up to `end`, which is not in it. Not each has a record."""

    begin: int
    end: int


class Membership(Protocol):
    """What the pump asks of its group, and tells it."""

    def live(self, generation: int) -> bool:
        """Whether records delivered in that generation may still be worked on."""
        ...

    def heard(self, within_s: float) -> bool:
        """Whether the group has told us within so many seconds that we belong to it."""
        ...

    def assigned(self) -> frozenset[Partition]:
        """The partitions that are ours at present."""
        ...

    async def unread(self) -> Mapping[Partition, Stretch] | None:
        """What of each of our partitions was not delivered yet; None where that can't be told now."""
        ...

    def pause(self, partition: Partition) -> None:
        """Fetches no more of it. What is fetched already still arrives; nothing is dropped."""
        ...

    def resume(self, partition: Partition) -> None:
        """Fetches it again."""
        ...

    def read_upto(self) -> tuple[int, Mapping[Partition, tuple[int | None, int]]]:
        """A generation, and of each partition in it the last offset delivered, and the one read up to.

        The former is None where none was, the latter exclusive. What lies between is not for us: markers of
        transactions, and what was aborted.
        """
        ...

    async def commit(self, offsets: Mapping[Partition, int]) -> bool:
        """Commits the next offsets to be read; False where the group has moved on."""
        ...

    def crash(self, error: BaseException) -> None:
        """Stops the worker; the error is what it says at its end."""
        ...
