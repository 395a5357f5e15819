"""How many partitions topics have, asked now and then."""

from __future__ import annotations

import asyncio

from streams.kafka.connection import KafkaConnection
from streams.kafka.consume import partitions_of
from streams.kafka.faults import silent
from streams.shared import Shared

BELIEVED_S = 60.0
"""How long a topic's number of partitions is believed."""


class PartitionCounts:
    """How many partitions topics have."""

    def __init__(self, connection: KafkaConnection, *, limit_s: float) -> None:
        self._connection, self._limit_s = connection, limit_s
        self._known: dict[str, Shared[int]] = {}

    async def __call__(self, topic: str) -> int:
        """Of this topic. Raises `Misconfigured` where it does not exist, `Retryable` without an answer."""
        if topic not in self._known:

            async def count() -> int:
                return len(await partitions_of(self._connection, topic))

            self._known[topic] = Shared(
                count, limit_s=self._limit_s, max_age_s=BELIEVED_S,
                late=lambda: silent(self._connection.bootstrap_servers),
            )  # fmt: skip
        return await self._known[topic]()

    async def close(self) -> None:
        """Asks no more."""
        await asyncio.gather(*(count.close() for count in self._known.values()))
