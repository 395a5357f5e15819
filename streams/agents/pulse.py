"""The heartbeat as a probe of the network: where Kafka does not answer it, no connection may lead anywhere.

A connection that is half open is noticed by a request's time limit alone, and that of a fetch, or of a large
record, must be long. A heartbeat is small and comes every second: where it has no answer, all connections are
made anew, before the session is over and with it the place in the group.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from aiokafka.client import AIOKafkaClient, ConnectionGroup
from aiokafka.errors import RebalanceInProgressError, RequestTimedOutError
from aiokafka.protocol.group import HeartbeatRequest

from streams.kafka.connection import disconnect

AS_LONG_AS = (0, RebalanceInProgressError.errno)
"""What a heartbeat's answer says while we belong to the group."""


class Pulse:
    """Heartbeats of a consumer's client: when the last one was answered, and what follows where none is.

    Where one has no answer within half a session, the client makes its connections anew, so that there is
    time for another, and calls `lost`. If that did not help, it is a slow Kafka rather than a dead
    connection: until a heartbeat is answered in half a session again, each has a whole one.
    """

    def __init__(self, client: AIOKafkaClient, session_s: float, lost: Callable[[], None]) -> None:
        self._client, self._session_s, self._lost, self._send = client, session_s, lost, client.send
        self._heard_at = float("-inf")
        self._slow = False
        client.send = self._timed

    def heard(self, within_s: float) -> bool:
        """Whether the group has told us within so many seconds that we belong to it."""
        return time.monotonic() - self._heard_at < within_s

    async def _timed(self, node_id: int, request: Any, *, group: Any = ConnectionGroup.DEFAULT) -> Any:
        if not isinstance(request, HeartbeatRequest):
            return await self._send(node_id, request, group=group)
        begun_s = asyncio.get_running_loop().time()
        limit, asked_at = asyncio.timeout(self._session_s / (1 if self._slow else 2)), time.monotonic()
        try:
            async with limit:
                answer = await self._send(node_id, request, group=group)
        except TimeoutError as error:
            if not limit.expired():
                raise
            self._slow = True
            disconnect(self._client)
            self._lost()
            raise RequestTimedOutError from error
        if asyncio.get_running_loop().time() - begun_s < self._session_s / 2:
            self._slow = False
        if answer.error_code in AS_LONG_AS:
            self._heard_at = asked_at
        return answer
