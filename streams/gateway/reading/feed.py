"""Receipts as they come: one reader of their topic for all who follow."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress

from pydantic import ValidationError

from streams.errors import Retryable
from streams.kafka.backwards import backwards
from streams.kafka.connection import KafkaConnection
from streams.kafka.tailing import OPEN_S, Tailing
from streams.messages.receipts import IndexReceipt
from streams.messages.records import Record

WAITING = 2000
"""Receipts that may wait for one follower; who is slower than that is let go."""
LOOKED_AT = 20_000
"""Receipts that are looked at for a tenant's last ones."""

RECENT_S = 10.0
"""How long they are looked for."""


class Follower:
    """One who follows a tenant's receipts."""

    def __init__(self, tenant: str) -> None:
        self.tenant = tenant
        self._waiting: list[IndexReceipt] = []
        self._came = asyncio.Event()
        self._ended: Exception | None = None

    def put(self, receipt: IndexReceipt) -> None:
        """Keeps a receipt of this tenant."""
        if len(self._waiting) < WAITING:
            self._waiting.append(receipt)
            self._came.set()
        else:
            self.end(Retryable("more receipts came than were read: follow them again", code="too_slow"))

    def end(self, why: Exception) -> None:
        """Nothing comes after what is there."""
        self._ended = why
        self._came.set()

    async def some(self) -> list[IndexReceipt]:
        """All that wait, at least one. Raises what ended it."""
        await self._came.wait()
        self._came.clear()
        waiting, self._waiting = self._waiting, []
        if not waiting and self._ended is not None:
            raise self._ended
        if self._ended is not None:
            self._came.set()
        return waiting


class Feed:
    """The topic of receipts. `close` it at the end."""

    def __init__(self, connection: KafkaConnection, topic: str, *, open_s: float = OPEN_S) -> None:
        self._connection, self._topic = connection, topic
        self._followers: set[Follower] = set()
        self._tail = Tailing(connection, topic, take=self._take, lost=self._lost, open_s=open_s)

    @asynccontextmanager
    async def followed(self, tenant: str) -> AsyncIterator[Follower]:
        """A tenant's receipts from now on."""
        follower = Follower(tenant)
        await self._tail.open()
        self._followers.add(follower)
        try:
            yield follower
        finally:
            self._followers.discard(follower)

    async def recent(self, tenant: str, count: int) -> list[IndexReceipt]:
        """The tenant's last receipts, the oldest of them first, as far as they are among the last of all."""
        found: list[IndexReceipt] = []

        def ours(record: Record) -> IndexReceipt | None:
            return receipt_of(record, tenant)

        reading = backwards(self._connection, self._topic, ours, most=LOOKED_AT)
        with suppress(TimeoutError):
            async with asyncio.timeout(RECENT_S), aclosing(reading) as receipts:
                async for receipt in receipts:
                    found.append(receipt)
                    if len(found) == count:
                        break
        return sorted(found, key=lambda receipt: receipt.indexed_at)

    async def close(self) -> None:
        """Reads no more."""
        await self._tail.close()

    def _take(self, record: Record) -> None:
        receipt = receipt_of(record) if self._followers else None
        if receipt is not None:
            for follower in [one for one in self._followers if one.tenant == receipt.tenant]:
                follower.put(receipt)

    def _lost(self, error: Exception) -> None:
        for follower in list(self._followers):
            follower.end(error)


def receipt_of(record: Record, tenant: str | None = None) -> IndexReceipt | None:
    """The receipt that a record holds; None for anything else, and where it is not this tenant's."""
    try:
        receipt = IndexReceipt.model_validate_json(record.value or b"")
    except ValidationError:
        return None
    return receipt if receipt.tenant is not None and tenant in {None, receipt.tenant} else None
