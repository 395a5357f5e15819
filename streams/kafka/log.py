"""Topics as a log to be gone through: what there is, all of it in order, or some records."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence

from streams.kafka.connection import KafkaConnection
from streams.kafka.consume import Spans, pick, spans, stretch
from streams.messages.records import Record


class KafkaLog:
    """Topics of one Kafka; committed records only. Raises as `streams.kafka.faults` says."""

    def __init__(self, connection: KafkaConnection) -> None:
        self._connection = connection

    async def spans(self, topic: str) -> Spans:
        """What there is to read now; nothing where there is no such topic."""
        return await spans(self._connection, topic)

    def records(self, topic: str, within: Spans) -> AsyncGenerator[Record, None]:
        """The records within, in the order of each partition."""
        return stretch(self._connection, topic, partitions=sorted(within), within=within)

    def at(self, topic: str, places: Mapping[int, Sequence[int]]) -> AsyncGenerator[Record, None]:
        """The records at these offsets of each partition, ascending; those that are gone are left out."""
        return pick(self._connection, topic, places)
