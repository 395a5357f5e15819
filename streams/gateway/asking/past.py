"""What Kafka holds of a question that was asked before: where it stands, and what was said of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from aiokafka.partitioner import DefaultPartitioner

from streams.client.client import GRACE_S
from streams.client.routes import questions_topic
from streams.errors import Rejected, Retryable
from streams.gateway.access.keys import Key
from streams.gateway.asking import ids
from streams.gateway.asking.partitions import PartitionCounts
from streams.gateway.asking.scans import BUSY, Scans
from streams.kafka.connection import KafkaConnection
from streams.kafka.consume import stretch
from streams.kafka.replies import event_of
from streams.messages.answers import AnswerCompleted, AnswerFailed
from streams.messages.reader import Event
from streams.messages.records import Offset, Record
from streams.sources import QuestionTopic, Topics, decode_question

SKEW_MS = 60_000
"""By how much the clocks of gateways, brokers and workers may differ."""
LATE_MS = 3_600_000
"""How long after its deadline the end of a question may be found, as after an outage of all workers."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A question that stands in Kafka: since when (milliseconds), and for how long it may be answered."""

    id: str
    at: Offset
    timestamp: int
    deadline_ms: int

    @property
    def until_ms(self) -> float:
        """When nobody waits for its answer any more, in milliseconds since the epoch."""
        return self.timestamp + self.deadline_ms + 1000 * GRACE_S


class Past:
    """Looks back, in turns. `find_s` is for how long at a time."""

    def __init__(
        self,
        connection: KafkaConnection,
        topics: Topics,
        answers: str,
        partitions: PartitionCounts,
        scans: Scans,
        *,
        find_s: float,
    ) -> None:
        self._connection, self._topics, self._answers = connection, topics, answers
        self._partitions, self._scans, self._find_s = partitions, scans, find_s

    async def find(self, id_: str, key: Key) -> Sent:
        """The question of this id that the key may follow.

        Raises `Rejected` (`absent`) where there is none: no such id, one of another tenant, or one that was
        asked with principals that the key does not have. Raises `Retryable` (`busy`) where there was no time.
        """
        try:
            async with self._scans.turn(key.id), asyncio.timeout(self._find_s):
                found = await self._found(id_, key)
        except TimeoutError:
            raise Retryable(BUSY, code="busy") from None
        if found is None:
            raise Rejected("there is no such question that this key may follow", code="absent")
        return found

    async def _found(self, id_: str, key: Key) -> Sent | None:
        made_ms = ids.made_ms(id_)
        if made_ms is not None:
            topic = questions_topic(self._topics, key.tenant)
            async with aclosing(self._records(topic, id_, made_ms - SKEW_MS)) as records:
                async for record in records:
                    if record.timestamp > made_ms + SKEW_MS:
                        break
                    if record.key == id_.encode() and (sent := self._admitted(record, id_, key)):
                        return sent
        return None

    async def said(self, sent: Sent, key_id: str | None) -> Sequence[Event]:
        """The events that are there already, up to the terminal one, as far as they came while it could."""
        async with self._scans.turn(key_id):
            try:
                async with asyncio.timeout(self._find_s):
                    return await self._read(sent)
            except TimeoutError:
                raise Retryable(
                    "what was said of this question can't be read in time; follow it again", code="not_read"
                ) from None

    async def _read(self, sent: Sent) -> Sequence[Event]:
        found: list[Event] = []
        said = self._records(self._answers, sent.id, sent.timestamp - SKEW_MS)
        async with aclosing(said):
            async for record in said:
                event = event_of(record) if record.key == sent.id.encode() else None
                if event is not None and event.question == str(sent.at):
                    found.append(event)
                ended = bool(found) and isinstance(found[-1], AnswerCompleted | AnswerFailed)
                if ended or record.timestamp > sent.until_ms + LATE_MS:
                    break
        return found

    def _admitted(self, record: Record, id_: str, key: Key) -> Sent | None:
        bound = next((one for one in self._topics.questions if one.topic == record.topic), None)
        try:
            asked = decode_question(bound or QuestionTopic(record.topic), record)
        except Rejected:
            return None
        admitted = asked.tenant == key.tenant and set(asked.question.principals) <= set(key.principals)
        if asked.id != id_ or not admitted:
            return None
        return Sent(id_, record.at, record.timestamp, asked.question.deadline_ms)

    async def _records(self, topic: str, key: str, since_ms: int) -> AsyncGenerator[Record, None]:
        numbers = list(range(await self._partitions(topic)))
        partition = DefaultPartitioner()(key.encode(), numbers, numbers)
        since = max(0, since_ms)
        async with aclosing(stretch(self._connection, topic, partitions=[partition], since=since)) as records:
            async for record in records:
                yield record
