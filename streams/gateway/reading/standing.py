"""How the gateway and the index are: what is up, and how far behind the index is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel

from streams.errors import Retryable, StreamsError
from streams.gateway.access.keyring import Keyring
from streams.gateway.reading.index import LiveIndex
from streams.kafka.connection import KafkaConnection
from streams.kafka.consume import Spans, spans
from streams.kafka.faults import silent
from streams.kafka.watermarks import CommittedOffsets
from streams.settings import Settings
from streams.shared import Shared
from streams.sources import Topics

T = TypeVar("T")

LIMIT_S = 5.0
MAX_AGE_S = 1.0
"""How long what was said, and the ends of topics, are believed."""
OK, DOWN, BROKEN = "ok", "down", "broken"


class PartitionStatus(BaseModel):
    """Of a partition: the offset that the next record will get, and the one that is dealt with next."""

    partition: int
    end: int
    applied: int
    behind: int


class SourceStatus(BaseModel):
    """Of a source: how many records are not dealt with."""

    topic: str
    behind: int
    partitions: list[PartitionStatus]


class Standing:
    """Asked for, and remembered for a moment for all who ask. `close` it at the end."""

    def __init__(
        self,
        settings: Settings,
        connection: KafkaConnection,
        topics: Topics,
        index: LiveIndex,
        keyring: Keyring,
    ) -> None:
        self._connection, self._topics, self._index, self._keyring = connection, topics, index, keyring
        self._applied = CommittedOffsets(
            connection, f"{settings.group}-index", [source.topic for source in topics.sources]
        )
        self._ends = {source.topic: self._remembered(self._spans(source.topic)) for source in topics.sources}
        self._parts = self._remembered(self._ask)

    async def parts(self) -> Mapping[str, str]:
        """`ok` for each part that is, else what is wrong with it."""
        return {**await self._parts(), "keys": self._keyring.problem or OK}

    async def brief(self) -> Mapping[str, str]:
        """As `parts`, in a word each: for those who need not know where our servers are."""
        wrong = {"keys": BROKEN}
        said = await self.parts()
        return {name: OK if what == OK else wrong.get(name, DOWN) for name, what in said.items()}

    async def sources(self, tenant: str) -> list[SourceStatus]:
        """How far the index is with each source that may hold this tenant's documents. Raises `Retryable`."""
        try:
            async with asyncio.timeout(LIMIT_S):
                applied = await self._applied.applied(max_age_s=MAX_AGE_S)
                upto = {(one.topic, one.partition): one.offset + 1 for one in applied}
                topics = [one.topic for one in self._topics.sources if one.tenant in {None, tenant}]
                return [_status(topic, await self._ends[topic](), upto) for topic in topics]
        except TimeoutError:
            raise self._silent() from None

    async def close(self) -> None:
        """Lets go of the connection."""
        await asyncio.gather(self._parts.close(), *(ends.close() for ends in self._ends.values()))
        await self._applied.close()

    async def _ask(self) -> Mapping[str, str]:
        kafka, store = await asyncio.gather(
            _said(self._applied.applied(max_age_s=MAX_AGE_S)), _said(self._index.ready())
        )
        return {"kafka": kafka, "store": store}

    def _spans(self, topic: str) -> Callable[[], Coroutine[Any, Any, Spans]]:
        return lambda: spans(self._connection, topic)

    def _remembered(self, ask: Callable[[], Coroutine[Any, Any, T]]) -> Shared[T]:
        # What is asked of a part has its own limit: this one is for what hangs beyond it.
        return Shared(ask, limit_s=2 * LIMIT_S, late=self._silent, max_age_s=MAX_AGE_S)

    def _silent(self) -> Retryable:
        return silent(self._connection.bootstrap_servers)


def _status(topic: str, there: Spans, upto: Mapping[tuple[str, int], int]) -> SourceStatus:
    partitions = []
    for partition, (start, end) in sorted(there.items()):
        applied = min(end, max(start, upto.get((topic, partition), 0)))
        partitions.append(
            PartitionStatus(partition=partition, end=end, applied=applied, behind=end - applied)
        )
    return SourceStatus(topic=topic, behind=sum(one.behind for one in partitions), partitions=partitions)


async def _said(asked: Awaitable[object]) -> str:
    try:
        async with asyncio.timeout(LIMIT_S):
            await asked
    except TimeoutError:
        return f"no answer within {LIMIT_S:g} s"
    except StreamsError as error:
        return str(error)
    return OK
