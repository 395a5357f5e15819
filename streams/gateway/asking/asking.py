"""Questions sent and followed. All that is known of one is in Kafka, for every gateway to find."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass

import structlog
from aiokafka.partitioner import DefaultPartitioner

from streams.client.client import GRACE_S, question_record
from streams.client.inbox import Inbox, Mail
from streams.client.routes import questions_topic
from streams.errors import Rejected, Retryable
from streams.gateway.access.keys import Key
from streams.gateway.access.waiting import insist
from streams.gateway.asking import ids
from streams.gateway.asking.partitions import PartitionCounts
from streams.gateway.asking.scans import BUSY, Scans
from streams.kafka.connection import KafkaConnection
from streams.kafka.consume import stretch
from streams.kafka.produce import Producer
from streams.kafka.replies import event_of
from streams.messages.answers import AnswerCompleted, AnswerFailed
from streams.messages.headers import Headers
from streams.messages.questions import Question
from streams.messages.reader import AnswerReader, Event
from streams.messages.records import Offset, Record
from streams.sources import QuestionTopic, Topics, decode_question

SKEW_MS = 60_000
"""By how much the clocks of gateways, brokers and workers may differ."""
FOLLOWED_S = 30.0
"""How long a question is followed at least, however long ago its deadline was."""
AGAIN_S = 1.0
"""Before Kafka is asked again for what was lost with a connection."""
LATE_MS = 3_600_000
"""How long after its deadline the end of a question may be found, as after an outage of all workers."""
FIND_S = 10.0
"""How long a question is looked for, how long what was said of it is read, and until its answer would be."""


log = structlog.get_logger("streams.gateway")


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


class Asking:
    """Asks for keys of any tenant. `close` it at the end."""

    def __init__(
        self,
        connection: KafkaConnection,
        topics: Topics,
        answers: str,
        producer: Producer,
        *,
        clock: Callable[[], float] = time.time,
        find_s: float = FIND_S,
    ) -> None:
        self._connection, self._topics, self._answers = connection, topics, answers
        self._producer, self._clock, self._find_s = producer, clock, find_s
        self._inbox = Inbox(connection, answers, open_s=find_s)
        self.partitions = PartitionCounts(connection, limit_s=FIND_S)
        self.scans = Scans()

    async def close(self) -> None:
        """Reads no more."""
        await asyncio.gather(self._inbox.close(), self.partitions.close())

    async def ask(
        self, question: Question, headers: Headers, stack: AsyncExitStack, *, stands: Callable[[], bool]
    ) -> tuple[Sent, AsyncGenerator[Event, None]]:
        """Sends the question; where it stands, and its events, which are kept for as long as `stack` is open.

        The events end with the terminal one, and raise `Retryable` (`no_answer`) where that does not come.
        `stands` says whether the key may still ask, and is asked just before: raises `Problem` where not.
        """
        topic = questions_topic(self._topics, question.tenant)
        id_ = question.id or ids.new(self._clock())
        mail = await stack.enter_async_context(self._inbox.mail(id_))
        record = question_record(question.model_copy(update={"id": id_}), topic=topic, key=id_, along=headers)
        insist(stands)
        at = await self._producer.send(record)
        sent = Sent(id_, at, round(self._clock() * 1000), question.deadline_ms)
        return sent, self._answer(sent, mail)

    async def find(self, id_: str, key: Key) -> Sent:
        """The question of this id that the key may follow.

        Raises `Rejected` (`absent`) where there is none: no such id, one of another tenant, or one that was
        asked with principals that the key does not have. Raises `Retryable` (`busy`) where there was no time.
        """
        try:
            async with self.scans.turn(key.id), asyncio.timeout(self._find_s):
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

    async def follow(
        self, sent: Sent, reader: AnswerReader | None = None, *, key_id: str | None = None
    ) -> AsyncGenerator[Event, None]:
        """The events of a question that was sent before, here or elsewhere: each once, but what `reader` has.

        They end with the terminal one, and raise `Retryable` where that does not come (`no_answer`), or where
        what was said before can't be read in time (`not_read`). Looking back takes a turn of the key's.
        """
        reader = reader or AnswerReader()
        until = self._until(sent, at_least_s=FOLLOWED_S)
        while reader.terminal is None:
            try:
                async with aclosing(self._followed(sent, reader, until, key_id)) as events:
                    async for event in events:
                        yield event
            except Retryable as error:
                if error.code in {"no_answer", "not_read"} or asyncio.get_running_loop().time() > until:
                    raise
                log.warning("answers are read anew", problem=str(error))
                await asyncio.sleep(AGAIN_S)

    async def ended_at(self, sent: Sent, *, key_id: str | None = None) -> tuple[int, int] | None:
        """Attempt and sequence number of the terminal event; None where there is none yet.

        Raises `Retryable` where what was said can't be read in time (`not_read`).
        """
        reader = AnswerReader()
        for event in await self._past(sent, key_id):
            reader.feed(event)
        return None if reader.terminal is None else (reader.terminal.attempt, reader.terminal.seq)

    async def _answer(self, sent: Sent, mail: Mail) -> AsyncGenerator[Event, None]:
        """The events of a question that was just sent."""
        reader = AnswerReader()
        try:
            async with aclosing(self._events(sent, reader, mail, self._until(sent))) as events:
                async for event in events:
                    yield event
        except Retryable as error:
            if error.code == "no_answer":
                raise
        async with aclosing(self.follow(sent, reader)) as events:
            async for event in events:
                yield event

    async def _followed(
        self, sent: Sent, reader: AnswerReader, until: float, key_id: str | None
    ) -> AsyncGenerator[Event, None]:
        """What was said already, then what is said."""
        async with AsyncExitStack() as stack:
            mail = await stack.enter_async_context(self._inbox.mail(sent.id))
            for event in await self._past(sent, key_id):
                if reader.feed(event):
                    yield event
            async with aclosing(self._events(sent, reader, mail, until)) as events:
                async for event in events:
                    yield event

    def _until(self, sent: Sent, *, at_least_s: float = 0.0) -> float:
        left_s = sent.until_ms / 1000 - self._clock()
        return asyncio.get_running_loop().time() + max(left_s, at_least_s)

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

    async def _past(self, sent: Sent, key_id: str | None) -> Sequence[Event]:
        """The events that are there already, up to the terminal one, as far as they came while it could."""
        async with self.scans.turn(key_id):
            try:
                async with asyncio.timeout(self._find_s):
                    return await self._said(sent)
            except TimeoutError:
                raise Retryable(
                    "what was said of this question can't be read in time; follow it again", code="not_read"
                ) from None

    async def _said(self, sent: Sent) -> Sequence[Event]:
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

    async def _records(self, topic: str, key: str, since_ms: int) -> AsyncGenerator[Record, None]:
        numbers = list(range(await self.partitions(topic)))
        partition = DefaultPartitioner()(key.encode(), numbers, numbers)
        since = max(0, since_ms)
        async with aclosing(stretch(self._connection, topic, partitions=[partition], since=since)) as records:
            async for record in records:
                yield record

    @staticmethod
    async def _events(
        sent: Sent, reader: AnswerReader, mail: Mail, until: float
    ) -> AsyncGenerator[Event, None]:
        while reader.terminal is None:
            try:
                async with asyncio.timeout_at(until):
                    event = await mail.next(sent.at)
            except TimeoutError:
                raise Retryable(
                    "no answer came by the deadline: does a worker run? Ask again", code="no_answer"
                ) from None
            if reader.feed(event):
                yield event
