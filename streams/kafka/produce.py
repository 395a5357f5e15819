"""Producing: acknowledged by all replicas, in order, bounded in size, and told where the record stands."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from aiokafka import AIOKafkaProducer

from streams.errors import Rejected, Retryable
from streams.kafka.connection import KafkaConnection, disconnect, start, unhurried
from streams.kafka.faults import ADDRESS, FAULTS, MAX_BYTES, fault
from streams.messages.dead import size_of
from streams.messages.records import Offset, Outgoing

STOP_S = 5.0
"""What a producer is given to hand over what it holds, before it is let go."""


class Producer:
    """Sends records; to be used with `started`, or started by the first record.

    `max_bytes` is what a record may have, `timeout_s` how long a record may take (None: until Kafka is
    back). A record that was given up may still arrive: whoever sends it again sends it twice. Without
    `once` a record is given up after ten seconds, and what was sent may be there twice.
    """

    def __init__(
        self,
        connection: KafkaConnection,
        *,
        max_bytes: int,
        timeout_s: float | None = None,
        once: bool = True,
    ) -> None:
        self._connection, self._max_bytes, self._timeout_s = connection, max_bytes, timeout_s
        self._once = once
        self._client: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()

    async def start(self) -> None:
        """Connects. Raises `Retryable`, or `Misconfigured` naming the setting."""
        await self._connected()

    async def stop(self) -> None:
        """Hands over what is on its way, within seconds, and lets go of the connection."""
        client, self._client = self._client, None
        if client is not None:
            await _stop(client)

    async def send(self, outgoing: Outgoing) -> Offset:
        """Where the record stands, once all replicas have it.

        Raises `Rejected` (`too_large`), `Retryable`, or `Misconfigured` (not allowed to write there).
        """
        self._fits(outgoing)
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._sent(outgoing)
        except TimeoutError as error:
            raise Retryable(
                f"Kafka at {self._connection.bootstrap_servers} did not take a record for {outgoing.topic}"
                f" within {self._timeout_s:g} s: check that it runs, {ADDRESS}, and the topic"
                " (`rag-streams topics check`)",
                code="kafka_down",
            ) from error

    async def produce(self, outgoing: Outgoing) -> None:
        """As `send`, for whom the place doesn't matter."""
        await self.send(outgoing)

    def disconnect(self) -> None:
        """Makes its connections anew, as those that there are may lead nowhere."""
        if self._client is not None:
            disconnect(self._client.client)

    def _fits(self, outgoing: Outgoing) -> None:
        size = size_of(outgoing.key, outgoing.value, outgoing.headers)
        if size > self._max_bytes:
            raise Rejected(
                f"the record has {size} bytes, more than the {self._max_bytes} that {MAX_BYTES} allows:"
                " split it, or raise that and the topic's max.message.bytes",
                code="too_large",
            )

    async def _sent(self, outgoing: Outgoing) -> Offset:
        client = await self._connected()
        try:
            held = await client.send_and_wait(
                outgoing.topic,
                outgoing.value,
                outgoing.key,
                outgoing.partition,
                headers=list(outgoing.headers),
            )
        except FAULTS as error:
            meant = fault(self._connection.bootstrap_servers, error)
            if self._once and isinstance(meant, Retryable) and not isinstance(error, TimeoutError):
                # Some failures of an idempotent one are final: the next record gets a producer of its own.
                await self._replace(client)
            raise meant from error
        return Offset(topic=held.topic, partition=held.partition, offset=held.offset)

    async def _connected(self) -> AIOKafkaProducer:
        async with self._starting:
            if self._client is None:
                client = AIOKafkaProducer(**self._kwargs(), max_request_size=2 * self._max_bytes)
                unhurried(client.client)
                try:
                    await start(self._connection, client)
                except BaseException:
                    await client.stop()
                    raise
                self._client = client
            return self._client

    def _kwargs(self) -> dict[str, Any]:
        return self._connection.producer_kwargs() | ({} if self._once else {"enable_idempotence": False})

    async def _replace(self, client: AIOKafkaProducer) -> None:
        if self._client is client:
            self._client = None
            await _stop(client)


async def _stop(client: AIOKafkaProducer) -> None:
    with contextlib.suppress(*FAULTS):
        try:
            await asyncio.wait_for(client.stop(), STOP_S)
        except TimeoutError:
            # An idempotent producer would wait until Kafka is back.
            await client._sender.close()  # noqa: SLF001 - `stop` does this only after the wait
            await client.client.close()
