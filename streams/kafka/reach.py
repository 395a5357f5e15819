"""Whether Kafka answers, as it was seen last: what readiness, metrics and the log say of it.

Consumers and producers wait for a Kafka that is away by themselves, for as long as it takes, and tell nobody.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable

from streams.errors import StreamsError
from streams.kafka.connection import KafkaConnection
from streams.kafka.ondemand import OnDemand
from streams.ports import Monotonic

EVERY_S = 5.0
LIMIT_S = 5.0
"""How long Kafka may take to answer."""
PATIENCE = 2
"""Failures in a row that are an outage: one is also seen while a coordinator moves."""

logger = logging.getLogger(__name__)


class Reach:
    """Asks Kafka again and again which broker keeps a group's offsets, over a connection of its own."""

    def __init__(
        self,
        connection: KafkaConnection,
        group: str,
        *,
        limit_s: float = LIMIT_S,
        monotonic: Monotonic = time.monotonic,
    ) -> None:
        self._connected = OnDemand(connection)
        self._where, self._group, self._limit_s = connection.bootstrap_servers, group, limit_s
        self._monotonic = monotonic
        self._failures, self._since = 0, 0.0
        self.problem: str | None = None
        self.took_s = 0.0
        """How long the last answer took, or has been waited for."""

    @property
    def up(self) -> bool:
        """Whether Kafka answers, as far as is known: so too before it was asked."""
        return self.problem is None

    async def run(self) -> None:
        """Looks again and again, until it is cancelled; lets go of the connection then."""
        try:
            while True:
                await self.look()
                await asyncio.sleep(EVERY_S)
        finally:
            await self._connected.close()

    async def look(self) -> None:
        """Asks once, and says in the log where that turns."""
        began = self._monotonic()
        problem = await self._problem(self._connected(lambda admin: admin.coordinator(self._group)))
        self.took_s = self._monotonic() - began
        if problem is None:
            self._answered()
        else:
            self._failed(problem, began)

    def _answered(self) -> None:
        if not self.up:
            logger.warning("Kafka answers again, after %.0f s", self._monotonic() - self._since)
        self._failures, self.problem = 0, None

    def _failed(self, problem: str, at: float) -> None:
        self._failures += 1
        if self._failures == 1:
            self._since = at
        if self._failures == PATIENCE:
            logger.warning("all waits for Kafka: %s", problem)
        if self._failures >= PATIENCE:
            self.problem = problem

    async def _problem(self, asked: Awaitable[object]) -> str | None:
        try:
            async with asyncio.timeout(self._limit_s):
                await asked
        except TimeoutError:
            return (
                f"kafka_down: Kafka at {self._where} does not answer within {self._limit_s:g} s: see its log"
            )
        except StreamsError as error:
            return f"{error.code}: {error}"
        return None
