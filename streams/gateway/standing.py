"""How the gateway and the index are: what is up, and how far behind the index is."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Mapping

from pydantic import BaseModel

from streams.errors import StreamsError
from streams.gateway.index import LiveIndex
from streams.gateway.keyring import Keyring
from streams.kafka.connection import KafkaConnection
from streams.kafka.consume import Spans, spans
from streams.kafka.watermarks import CommittedOffsets
from streams.settings import Settings
from streams.sources import Topics

LIMIT_S = 5.0
MAX_AGE_S = 1.0
"""How long the ends of topics are believed."""
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
        self._ends: dict[str, tuple[float, Spans]] = {}
        self._asking = asyncio.Lock()

    async def parts(self) -> Mapping[str, str]:
        """`ok` for each part that is, else what is wrong with it."""
        kafka, store = await asyncio.gather(
            _said(self._applied.applied(max_age_s=MAX_AGE_S)), _said(self._index.ready())
        )
        return {"kafka": kafka, "store": store, "keys": self._keyring.problem or OK}

    async def brief(self) -> Mapping[str, str]:
        """As `parts`, in a word each: for those who need not know where our servers are."""
        wrong = {"keys": BROKEN}
        said = await self.parts()
        return {name: OK if what == OK else wrong.get(name, DOWN) for name, what in said.items()}

    async def sources(self, tenant: str) -> list[SourceStatus]:
        """How far the index is with each source that may hold this tenant's documents. Raises `Retryable`."""
        upto = {
            (one.topic, one.partition): one.offset + 1
            for one in await self._applied.applied(max_age_s=MAX_AGE_S)
        }
        topics = [source.topic for source in self._topics.sources if source.tenant in {None, tenant}]
        return [_status(topic, await self._spans(topic), upto) for topic in topics]

    async def close(self) -> None:
        """Lets go of the connection."""
        await self._applied.close()

    async def _spans(self, topic: str) -> Spans:
        async with self._asking:
            at, known = self._ends.get(topic, (float("-inf"), {}))
            if time.monotonic() - at > MAX_AGE_S:
                known = await spans(self._connection, topic)
                self._ends[topic] = time.monotonic(), known
            return known


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
