"""One reader of a topic for all who wait for its records: begun when somebody does, anew after a failure."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, suppress

from streams.kafka.connection import KafkaConnection
from streams.kafka.consume import tail
from streams.kafka.faults import silent
from streams.messages.records import Record
from streams.shared import Shared

OPEN_S = 10.0
"""How long Kafka may take until its records are read."""


class Tailing:
    """Gives each record to `take`. What ends the reading is told to `lost`, once. `close` it at the end."""

    def __init__(
        self,
        connection: KafkaConnection,
        topic: str,
        *,
        take: Callable[[Record], None],
        lost: Callable[[Exception], None],
        open_s: float = OPEN_S,
    ) -> None:
        self._connection, self._topic = connection, topic
        self._take, self._lost = take, lost
        self._opening = Shared(
            self._begin, limit_s=open_s, late=lambda: silent(self._connection.bootstrap_servers)
        )
        self._reading: asyncio.Task[None] | None = None
        self._stack = AsyncExitStack()

    async def open(self) -> None:
        """Every record that is produced after this is read.

        Raises as `tail` does, and `Retryable` after `open_s`; one attempt is for all who ask meanwhile.
        """
        if self._reading is None or self._reading.done():
            await self._opening()

    async def close(self) -> None:
        """Reads no more."""
        await self._opening.close()
        await self._let_go()

    async def _begin(self) -> None:
        await self._let_go()
        records = await self._stack.enter_async_context(tail(self._connection, self._topic))
        self._reading = asyncio.create_task(self._read(records))

    async def _let_go(self) -> None:
        reading, self._reading = self._reading, None
        if reading is not None:
            reading.cancel()
            with suppress(asyncio.CancelledError):
                await reading
        await self._stack.aclose()

    async def _read(self, records: AsyncIterator[Record]) -> None:
        try:
            async for record in records:
                self._take(record)
        except asyncio.CancelledError:
            if self._reading is asyncio.current_task():
                # A stray one, as aiokafka raises of its own: not `close` asked for it.
                self._lost(silent(self._connection.bootstrap_servers))
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, those who wait must hear of it
            self._lost(error)
