"""A group's coordinator, with what aiokafka overlooks put right, where brokers come and go.

- An answer about committed offsets may be one error as a whole, without partitions, where another broker has
  the group by now or the new one is still reading. aiokafka takes that for a group that has committed
  nothing, and reads all of its partitions from the beginning: ours asks again.
- The coordinator may be a broker that the client hasn't heard of, as it has only just come back. That, and
  any answer that aiokafka doesn't expect, ends what keeps our place in the group, until the one who reads
  records takes the error. Faust never does: ours joins the group anew, and says so.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from aiokafka.client import AIOKafkaClient, ConnectionGroup
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    KafkaError,
    NoError,
    StaleMetadata,
    TopicAuthorizationFailedError,
    for_code,
)
from aiokafka.protocol.commit import OffsetFetchRequest

logger = logging.getLogger(__name__)

DENIED = (GroupAuthorizationFailedError, TopicAuthorizationFailedError, ClusterAuthorizationFailedError)
AGAIN_S = 1.0
"""Before the group is joined anew, for whatever the broker means by its answer to be over."""


def look_closer(client: AIOKafkaClient) -> None:
    """Has a consumer's client raise what its coordinator's answers say, and wait for brokers to be known."""
    send, ready = client.send, client.ready

    async def sent(node_id: int, request: Any, *, group: Any = ConnectionGroup.DEFAULT) -> Any:
        answer = await send(node_id, request, group=group)
        if isinstance(request, OffsetFetchRequest):
            error = for_code(getattr(answer, "error_code", 0))
            if error is not NoError:
                raise error
        return answer

    async def known(node_id: int, *, group: Any = ConnectionGroup.DEFAULT) -> bool:
        try:
            return bool(await ready(node_id, group=group))
        except StaleMetadata:
            await client.force_metadata_update()
            return False

    client.send, client.ready = sent, known


class Coordination:
    """Takes the errors of a coordinator. `give_up` is told those that joining anew can't mend."""

    def __init__(self, coordinator: GroupCoordinator, give_up: Callable[[BaseException], None]) -> None:
        self._coordinator, self._give_up = coordinator, give_up
        coordinator._push_error_to_user = self._take  # noqa: SLF001 - only who polls aiokafka is told
        coordinator._coordination_task.add_done_callback(self._ended)  # noqa: SLF001

    async def _take(self, error: KafkaError) -> None:
        if isinstance(error, DENIED):
            self._give_up(error)
        logger.warning("the group is joined anew, as its coordinator failed: %r", error)
        await asyncio.sleep(AGAIN_S)
        # Else what ended is not begun again: heartbeats, and looking for what is committed.
        self._coordinator.request_rejoin()

    def _ended(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._give_up(error)
