"""How far the index is: what the indexing group has committed of each source partition."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Mapping, Sequence

from streams.errors import Retryable
from streams.kafka.admin import Admin
from streams.kafka.connection import KafkaConnection
from streams.kafka.ondemand import OnDemand
from streams.messages.records import Offset, reached
from streams.ports import Monotonic

POLL_S = 0.05
"""Between two looks while somebody waits."""
PARTITIONS_S = 60.0
"""How long a source's number of partitions is believed."""


def applied_of(committed: Mapping[tuple[str, int], int]) -> tuple[Offset, ...]:
    """The last offset dealt with in each partition (inclusive), from the next one to be read.

    Where a transaction's marker or an aborted record was passed, that is not a record's own offset.
    """
    return tuple(
        Offset(topic=topic, partition=partition, offset=following - 1)
        for (topic, partition), following in sorted(committed.items())
        if following > 0
    )


def unreachable(after: Sequence[Offset], partitions: Mapping[str, int]) -> tuple[Offset, ...]:
    """Those of `after` that no source has a partition for: no waiting brings the index there."""
    return tuple(offset for offset in after if offset.partition >= partitions.get(offset.topic, 0))


class CommittedOffsets:
    """The `Watermarks` of an indexing group: asked for on demand, one request for all who ask at a time.

    Not started and not stopped by its users' requests: it connects when first asked, and again after a
    failure. `close` it at the end.
    """

    def __init__(
        self,
        connection: KafkaConnection,
        group: str,
        topics: Sequence[str],
        *,
        monotonic: Monotonic = time.monotonic,
    ) -> None:
        self._admin = OnDemand(connection)
        self._group = group
        self._topics = tuple(topics)
        self._monotonic = monotonic
        self._partitions: Mapping[str, int] = {}
        self._partitions_at = float("-inf")
        self._applied: tuple[Offset, ...] = ()
        self._applied_at = float("-inf")
        self._asking: asyncio.Task[tuple[Offset, ...]] | None = None

    async def applied(self, *, max_age_s: float = 0.0) -> Sequence[Offset]:
        """For each source partition with anything committed, the last offset dealt with (inclusive).

        An answer of at most `max_age_s` seconds ago will do. Raises `Retryable` where Kafka can't tell.
        """
        if self._monotonic() - self._applied_at < max_age_s:
            return self._applied
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._admin(self._ask))
            self._asking.add_done_callback(_looked_at)
        # One caller's end must not be that of the others who wait for the same answer.
        return await asyncio.shield(self._asking)

    async def unreachable(self, after: Sequence[Offset]) -> Sequence[Offset]:
        """Those of `after` that are in no source's partition, so that waiting for them is in vain."""
        if unreachable(after, self._partitions):
            now, self._partitions_at = self._monotonic(), float("-inf")
            while self._partitions_at < now:  # what was on its way before may not know of a new one
                await self.applied()
        return unreachable(after, self._partitions)

    async def wait_for(self, after: Sequence[Offset], deadline: float) -> bool:
        """Whether the index has dealt with all of `after` by `deadline`, by the monotonic clock.

        False at once where one of them is in no source's partition. An outage of Kafka is waited out.
        """
        while True:
            left = deadline - self._monotonic()
            with contextlib.suppress(Retryable, TimeoutError):
                async with asyncio.timeout(max(left, POLL_S)):
                    if reached(after, await self.applied()):
                        return True
                    if await self.unreachable(after):
                        return False
            left = deadline - self._monotonic()
            if left <= 0:
                return False
            await asyncio.sleep(min(POLL_S, left))

    def disconnect(self) -> None:
        """As `Admin.disconnect`: to be called where Kafka does not answer others any more."""
        self._admin.disconnect()

    async def close(self) -> None:
        """Lets go of the connection."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.wait([self._asking])
        await self._admin.close()

    async def _ask(self, admin: Admin) -> tuple[Offset, ...]:
        asked_at = self._monotonic()
        if asked_at - self._partitions_at >= PARTITIONS_S:
            found = await admin.partitions()
            self._partitions = {topic: found[topic] for topic in self._topics if topic in found}
            self._partitions_at = asked_at
        named = [(topic, number) for topic, count in self._partitions.items() for number in range(count)]
        self._applied = applied_of(await admin.committed(self._group, named))
        self._applied_at = asked_at
        return self._applied


def _looked_at(task: asyncio.Task[tuple[Offset, ...]]) -> None:
    # A failure that nobody waits for any more is no warning in the log.
    if not task.cancelled():
        task.exception()
