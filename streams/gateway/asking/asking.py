"""Questions sent and followed. All that is known of one is in Kafka, for every gateway to find."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, aclosing

import structlog

from streams.client.client import question_record
from streams.client.inbox import Inbox, Mail
from streams.client.routes import questions_topic
from streams.errors import Retryable
from streams.gateway.access.keys import Key
from streams.gateway.access.waiting import insist
from streams.gateway.asking import ids
from streams.gateway.asking.partitions import PartitionCounts
from streams.gateway.asking.past import Past, Sent
from streams.gateway.asking.scans import Scans
from streams.kafka.connection import KafkaConnection
from streams.kafka.produce import Producer
from streams.messages.headers import Headers
from streams.messages.questions import Question
from streams.messages.reader import AnswerReader, Event
from streams.sources import Topics

FOLLOWED_S = 30.0
"""How long a question is followed at least, however long ago its deadline was."""
AGAIN_S = 1.0
"""Before Kafka is asked again for what was lost with a connection."""
FIND_S = 10.0
"""How long a question is looked for, how long what was said of it is read, and until its answer would be."""


log = structlog.get_logger("streams.gateway")


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
        self._topics, self._producer, self._clock = topics, producer, clock
        self._inbox = Inbox(connection, answers, open_s=find_s)
        self.partitions = PartitionCounts(connection, limit_s=FIND_S)
        self.scans = Scans()
        self._past = Past(connection, topics, answers, self.partitions, self.scans, find_s=find_s)

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
        """As `Past.find`."""
        return await self._past.find(id_, key)

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
        for event in await self._past.said(sent, key_id):
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
            for event in await self._past.said(sent, key_id):
                if reader.feed(event):
                    yield event
            async with aclosing(self._events(sent, reader, mail, until)) as events:
                async for event in events:
                    yield event

    def _until(self, sent: Sent, *, at_least_s: float = 0.0) -> float:
        left_s = sent.until_ms / 1000 - self._clock()
        return asyncio.get_running_loop().time() + max(left_s, at_least_s)

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
