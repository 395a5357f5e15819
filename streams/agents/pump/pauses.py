"""Pauses: which partitions are fetched no further, and when they are fetched again."""

from __future__ import annotations

from collections.abc import Callable, Hashable

from streams.agents.pump.membership import Membership, Partition
from streams.agents.pump.positions import Positions
from streams.messages.records import Offset

Shut = Callable[[Offset], None]
"""Told of a record that has to be finished before its partition is read further."""


SOME = 32
"""Of how many records it is told each time that one is finished."""


def no_help(_at: Offset) -> None:
    """For work that takes as long as it does."""


class Pauses:
    """Pauses partitions of which `window` records are held, and those that are `held_up`.

    `shut` is told of what keeps half of the window from being free.
    """

    def __init__(
        self,
        member: Membership,
        positions: Positions,
        window: int,
        held_up: Callable[[Partition], bool],
        shut: Shut,
    ) -> None:
        self._member, self._positions, self._window = member, positions, window
        self._held_up, self._shut = held_up, shut
        self._paused: set[Partition] = set()

    def filled(self, partition: Partition) -> None:
        """One more record of it is held."""
        full = self._positions.held(partition) >= self._window
        if full or self._held_up(partition):
            self._pause(partition)
        if full:
            self._blame(partition, self._window)

    def eased(self, partition: Partition) -> None:
        """Fewer records of it are held: it goes on once half of its window is free."""
        if partition not in self._paused or self._held_up(partition):
            return
        if self._positions.held(partition) <= self._window // 2:
            self._resume(partition)
        else:
            # What was only about to wait may do so by now.
            self._blame(partition, SOME)

    def on_dependency(self) -> None:
        """Pauses what is held up by an outage, and resumes it; the worker keeps its place in the group."""
        for partition in self._member.assigned():
            if self._held_up(partition):
                self._pause(partition)
        for partition in list(self._paused):
            self.released(partition)

    def released(self, key: Hashable) -> None:
        """Has a partition fetched again that was held up, unless it is still, or its window is taken."""
        for partition in self._paused & {key}:
            if not self._held_up(partition) and self._positions.held(partition) < self._window:
                self._resume(partition)

    def forget(self) -> None:
        """Forgets what is paused: the partitions are not ours any more."""
        self._paused.clear()

    def _blame(self, partition: Partition, most: int) -> None:
        """Tells of the first records that a full window waits for until half of it is free."""
        if self._held_up(partition):
            return
        for offset in self._positions.in_front(partition, self._window // 2, most):
            self._shut(Offset(topic=partition.topic, partition=partition.partition, offset=offset))

    def _pause(self, partition: Partition) -> None:
        self._paused.add(partition)
        self._member.pause(partition)

    def _resume(self, partition: Partition) -> None:
        self._paused.discard(partition)
        self._member.resume(partition)
