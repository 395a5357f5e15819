"""Producing what must not be lost: tried until Kafka has it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Self

from streams.agents.pump.backoff import Backoff, Random
from streams.agents.pump.work import PumpSettings
from streams.errors import Misconfigured, Rejected
from streams.messages.dead import dead_letter
from streams.messages.records import Outgoing, Record
from streams.ports import Now

logger = logging.getLogger(__name__)

Produce = Callable[[Outgoing], Awaitable[None]]
"""Returns once Kafka has the record. `Rejected`: too large; `Misconfigured`; anything else: try again."""


class Delivery:
    """Sends records, and dead letters, for ever until they are there."""

    def __init__(self, produce: Produce, backoff: Backoff) -> None:
        self._produce, self._backoff = produce, backoff

    @classmethod
    def of(cls, produce: Produce, settings: PumpSettings, random: Random) -> Self:
        """With the backoff of a pump's settings."""
        return cls(produce, Backoff(settings.backoff_s, settings.backoff_max_s, random))

    async def __call__(self, outgoing: Outgoing) -> None:
        """Returns once Kafka has it. Raises `Rejected` where it is too large, `Misconfigured`."""
        failures = 0
        while True:
            try:
                return await self._produce(outgoing)
            except (Rejected, Misconfigured):
                raise
            except Exception as error:  # noqa: BLE001 - whatever it was, the record is not there yet
                failures += 1
                logger.warning("nothing could be written to %s, trying again: %r", outgoing.topic, error)
            await asyncio.sleep(self._backoff.wait(failures))


class DeadLetters:
    """Writes dead letters to one topic."""

    def __init__(
        self, deliver: Delivery, now: Now, *, topic: str, retry_topics: frozenset[str], max_bytes: int
    ) -> None:
        self._deliver, self._now, self._topic = deliver, now, topic
        self._retry_topics, self._max_bytes = retry_topics, max_bytes

    async def bury(
        self, record: Record, error: Rejected, *, attempts: int, parts: Sequence[int] = ()
    ) -> None:
        """Returns once the dead letter is there: whole, or as a pointer where Kafka finds it too large.

        `parts`: which of the record's parts were refused, where not all were. Of one that is `bare` there is
        nothing but a pointer.
        """
        letter = partial(
            dead_letter,
            record,
            error,
            attempts=attempts,
            at=self._now(),
            topic=self._topic,
            sent_back=record.topic in self._retry_topics,
            parts=parts,
        )
        try:
            await self._deliver(letter(max_bytes=0 if record.dropped else self._max_bytes))
        except Rejected:
            await self._deliver(letter(max_bytes=0))
