"""Source topics that do not exist yet: whoever writes to them makes them, perhaps long after we started."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence

from streams.errors import Retryable
from streams.kafka.admin import Admin
from streams.kafka.connection import KafkaConnection
from streams.kafka.ondemand import OnDemand

LOOK_S = 2.0
"""Between two looks for a topic that is missing."""


class Awaited:
    """Which of `topics` exist. They are looked for by name only: to subscribe to one may make it.

    A topic that was there once counts as there. `close` it at the end.
    """

    def __init__(self, connection: KafkaConnection, topics: Sequence[str], *, look_s: float = LOOK_S) -> None:
        self._admin = OnDemand(connection)
        self._look_s = look_s
        self.there: tuple[str, ...] = ()
        self.missing = tuple(topics)

    async def look(self) -> Sequence[str]:
        """Those that have come since the last look. Raises `Retryable` where Kafka can't tell."""
        found = await self._admin(Admin.partitions) if self.missing else {}
        come = [topic for topic in self.missing if topic in found]
        self.there += tuple(come)
        self.missing = tuple(topic for topic in self.missing if topic not in found)
        return come

    async def more(self) -> None:
        """Returns when another one has come. Never returns where none is missing."""
        while self.missing:
            await asyncio.sleep(self._look_s)
            with contextlib.suppress(Retryable):
                if await self.look():
                    return
        await asyncio.Event().wait()

    async def close(self) -> None:
        """Lets go of the connection."""
        await self._admin.close()
