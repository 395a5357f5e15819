"""Committing the finished prefixes, soon and not too often."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

from streams.agents.pump.membership import Partition

logger = logging.getLogger(__name__)


Commit = Callable[[Mapping[Partition, int]], Awaitable[bool]]
"""Commits offsets (the next to be read) in the member's present generation; False where it is refused."""


class Commits:
    """What may be committed of the present generation, and what is."""

    def __init__(self, commit: Commit, *, interval_s: float) -> None:
        self._commit, self._interval_s = commit, interval_s
        self._upto: dict[Partition, int] = {}
        self._dirty = asyncio.Event()
        self._one_at_a_time = asyncio.Lock()

    def note(self, partition: Partition, offset: int) -> None:
        """From now on all before `offset` may be committed."""
        self._upto[partition] = offset
        self._dirty.set()

    def drop(self, partition: Partition) -> None:
        """Forgets what is noted of one partition, whose offsets mean other records by now."""
        self._upto.pop(partition, None)

    async def run(self) -> None:
        """Commits what is noted at once, then at most every interval. Ends by being cancelled."""
        while True:
            await self._dirty.wait()
            try:
                await self.flush()
            except Exception as error:  # noqa: BLE001 - what is not committed now is committed next time
                logger.warning("offsets are not committed yet: %r", error)
            await asyncio.sleep(self._interval_s)

    async def flush(self) -> None:
        """Commits all that is noted. Raises where Kafka can't be asked; what is refused comes again."""
        async with self._one_at_a_time:
            offsets = dict(self._upto)
            self._dirty.clear()
            if not offsets:
                return
            try:
                if await self._commit(offsets):
                    self._upto = {tp: upto for tp, upto in self._upto.items() if offsets.get(tp) != upto}
            finally:
                if self._upto:
                    self._dirty.set()

    async def confirm(self, standing: Callable[[], Mapping[Partition, int]]) -> bool:
        """Whether our generation is still the group's, by committing once more what may be anyway.

        `standing` gives that where nothing is noted. False, too, where there is nothing to commit.
        """
        async with self._one_at_a_time:
            offsets = {**standing(), **self._upto}
            return bool(offsets) and await self._commit(offsets)

    def forget(self) -> None:
        """Forgets what is noted: the generation is over."""
        self._upto.clear()
        self._dirty.clear()
