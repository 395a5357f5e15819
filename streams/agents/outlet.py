"""Where the events of a question go, and what is done where they can't."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from streams.agents.asking import Item
from streams.agents.pump.backoff import Backoff
from streams.agents.pump.delivery import Delivery, Produce
from streams.errors import Misconfigured, Rejected, Retryable, StreamsError
from streams.messages.headers import reply_to, travelling, versioned
from streams.messages.reader import Event
from streams.messages.records import Outgoing
from streams.ports import Monotonic

logger = logging.getLogger(__name__)

T = TypeVar("T")

STUCK_S = 60.0
"""For how long a reply topic may take nothing while Kafka answers: then it is closed to us, whatever for."""


class Replies(Protocol):
    """Topics that a `reply-to` may name; see `streams.kafka.replies`."""

    async def check(self, topic: str) -> None:
        """Raises `Rejected` (`refused`), `Retryable`."""
        ...

    async def exists(self, topic: str) -> bool:
        """Whether it exists now. Raises `Retryable`."""
        ...


class Outlet:
    """Sends events until Kafka has them. `answers` is the topic of those without a `reply-to`.

    `apart` sends the others, by a way of its own where it is given: while a topic takes nothing, a producer
    sends less often to all that the same broker leads.
    """

    def __init__(
        self,
        produce: Produce,
        replies: Replies,
        *,
        answers: str,
        backoff: Backoff,
        apart: Produce | None = None,
        monotonic: Monotonic = time.monotonic,
    ) -> None:
        self.answers = answers
        self._produce, self._replies, self._backoff = produce, replies, backoff
        self._apart = apart or produce
        self._monotonic = monotonic

    async def deliver(self, outgoing: Outgoing) -> None:
        """Returns once Kafka has it. Kafka itself, and the topic of all answers, are waited for for ever.

        Raises `Rejected` where a reply topic is gone or closed to us, and where a record is too large.
        """
        lost = _Lost(self._replies, self._monotonic)

        async def produce(one: Outgoing) -> None:
            await self._produce_or_refuse(one, lost)

        await Delivery(produce, self._backoff)(outgoing)

    async def topic(self, item: Item) -> str:
        """Where the question's answer goes. Raises `Rejected` (`refused`) where it may not."""
        asked_for = reply_to(item.headers)
        if asked_for is None:
            return self.answers
        try:
            topic = asked_for.decode("ascii")
        except UnicodeDecodeError:
            raise Rejected("reply-to must be a topic's name, in ASCII", code="refused") from None
        await self.patiently(lambda: self._replies.check(topic))
        return topic

    async def patiently(self, ask: Callable[[], Awaitable[T]]) -> T:
        """What is asked of Kafka, once it is there: without it no question can be ended either."""
        failures = 0
        while True:
            try:
                return await ask()
            except Retryable as error:
                failures += 1
                logger.warning("a question waits for Kafka: %s", error)
            await asyncio.sleep(self._backoff.wait(failures))

    async def _produce_or_refuse(
        self, outgoing: Outgoing, lost: Callable[[str, StreamsError], Awaitable[bool]]
    ) -> None:
        """A reply topic that is `lost` is its question's misfortune alone."""
        produce = self._produce if outgoing.topic == self.answers else self._apart
        try:
            await produce(outgoing)
        except (Retryable, Misconfigured) as error:
            if outgoing.topic != self.answers and await lost(outgoing.topic, error):
                raise Rejected("answers can't be written to the topic in reply-to", code="refused") from error
            raise


class _Lost:
    """Whether a reply topic is gone, closed to us, or stuck: of one delivery, asked at each failure."""

    def __init__(self, replies: Replies, monotonic: Monotonic) -> None:
        self._replies, self._monotonic = replies, monotonic
        self._since: float | None = None
        """Since when Kafka has answered at each failure."""

    async def __call__(self, topic: str, error: StreamsError) -> bool:
        """Raises `Retryable` where all of Kafka is away: its return counts anew, leaders come after it."""
        if isinstance(error, Misconfigured):
            return True
        try:
            exists = await self._replies.exists(topic)
        except Retryable:
            self._since = None
            raise
        now = self._monotonic()
        if self._since is None:
            self._since = now
        return (error.code == "topic_missing" and not exists) or now - self._since >= STUCK_S


def outgoing_event(event: Event, item: Item, topic: str) -> Outgoing:
    """The record of an event, with those headers of its question that travel along."""
    return Outgoing(
        topic,
        event.question_id.encode(),
        event.model_dump_json().encode(),
        versioned(*travelling(item.headers)),
    )
