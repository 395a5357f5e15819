"""The heartbeat as a probe of the network: where Kafka does not answer it, no connection may lead anywhere.

A connection that is half open is noticed by a request's time limit alone, and that of a fetch, or of a large
record, must be long. A heartbeat is small and comes every second: where it has no answer, all connections are
made anew, before the session is over and with it the place in the group.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from aiokafka.client import AIOKafkaClient, ConnectionGroup
from aiokafka.errors import RequestTimedOutError
from aiokafka.protocol.group import HeartbeatRequest

from streams.kafka.connection import disconnect

PULSE_S = 5.0
"""How long Kafka may take to answer a heartbeat: half a session, so that there is time for another."""


def probing(client: AIOKafkaClient, lost: Callable[[], None]) -> None:
    """Has `client` make its connections anew where a heartbeat has no answer, and calls `lost` then."""
    send = client.send

    async def timed(node_id: int, request: Any, *, group: Any = ConnectionGroup.DEFAULT) -> Any:
        if not isinstance(request, HeartbeatRequest):
            return await send(node_id, request, group=group)
        limit = asyncio.timeout(PULSE_S)
        try:
            async with limit:
                return await send(node_id, request, group=group)
        except TimeoutError as error:
            if not limit.expired():
                raise
            disconnect(client)
            lost()
            raise RequestTimedOutError from error

    client.send = timed
