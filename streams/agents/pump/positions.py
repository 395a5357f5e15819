"""Positions: how far each partition is taken in and finished, and what of that may be committed."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import NamedTuple

from streams.agents.pump.commits import Commits
from streams.agents.pump.membership import Partition, Stretch
from streams.agents.pump.window import Entry, Window
from streams.messages.records import Record

logger = logging.getLogger(__name__)


class Behind(NamedTuple):
    """The first offset of a partition that is not finished, and how many records are not, or a few more."""

    offset: int
    records: int


class Positions:
    """The windows of our partitions. `commits` is told as soon as more of one may be committed."""

    def __init__(self, commits: Commits) -> None:
        self._commits = commits
        self._windows: dict[Partition, Window] = {}

    def accept(self, record: Record) -> Entry:
        """The place of a record that is taken in, the next of its partition.

        One that lies at or before the last one begins its partition anew: the topic was made again, or its
        end was lost with a broker. What was taken in before is still worked on, and no more committed.
        """
        partition = Partition(record.topic, record.partition)
        window = self._windows.setdefault(partition, Window())
        if not window.follows(record.offset):
            window = self._begin_anew(partition, record.offset)
        return window.accept(record.offset, record.timestamp)

    def _begin_anew(self, partition: Partition, offset: int) -> Window:
        logger.warning(
            "%s-%d goes back to offset %d, and is read on from there",
            partition.topic,
            partition.partition,
            offset,
        )
        self._commits.drop(partition)
        self._windows[partition] = Window()
        return self._windows[partition]

    def finish(self, partition: Partition, entry: Entry) -> None:
        """The record at `entry` is finished."""
        upto = entry.window.finish(entry)
        if upto is not None and entry.window is self._windows.get(partition):
            self._commits.note(partition, upto)

    def read_to_the_end(self, partition: Partition, delivered: int | None, upto: int) -> None:
        """Nothing up to offset `upto` is for us behind the one delivered last: finished, if that is all."""
        window = self._windows.setdefault(partition, Window())
        if delivered == window.accepted and not len(window) and upto > window.passed:
            window.passed = upto
            self._commits.note(partition, upto)

    def held(self, partition: Partition) -> int:
        """Records of a partition from its first unfinished one on."""
        return len(self._windows.get(partition, ()))

    def in_front(self, partition: Partition, keep: int, most: int) -> list[int]:
        """The first `most` offsets that must be finished before only `keep` records of it are held."""
        window = self._windows.get(partition)
        return [] if window is None else window.in_front(keep, most)

    def holes(self) -> frozenset[Entry]:
        """What keeps something begun or finished from being committed."""
        return frozenset(entry for window in self._windows.values() for entry in window.holes())

    @property
    def oldest(self) -> int | None:
        """Kafka's timestamp (ms) of the oldest record that is accepted and not finished; None without any."""
        oldest = [window.oldest for window in self._windows.values()]
        return min((one for one in oldest if one is not None), default=None)

    def next_to_finish(self) -> dict[Partition, int]:
        """The offset that each partition goes on at, were it given to another worker now."""
        firsts = {partition: window.first for partition, window in self._windows.items()}
        return {partition: first for partition, first in firsts.items() if first is not None}

    def behind(self, unread: Mapping[Partition, Stretch]) -> Mapping[Partition, Behind]:
        """How far each partition is behind, given what of it was not delivered yet."""
        return {partition: self._behind(partition, stretch) for partition, stretch in unread.items()}

    def _behind(self, partition: Partition, unread: Stretch) -> Behind:
        window = self._windows.get(partition)
        first = None if window is None else window.first
        count = max(0, unread.end - unread.begin) + self.held(partition)
        return Behind(unread.begin if first is None else first, count)

    def forget(self) -> None:
        """Forgets all of it, and what was to be committed: the generation is over."""
        self._commits.forget()
        self._windows.clear()
