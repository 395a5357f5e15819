"""An app's place in its group, as a pump sees it: which records are its own, and what is committed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import cast

from faust.types import TP

from streams.agents.app import App
from streams.agents.pump.membership import Partition, Stretch
from streams.agents.transport import Consumer

logger = logging.getLogger(__name__)

UNREAD_S = 5.0
"""How long Kafka may take to say how much there is to read."""


class Member:
    """An app's place in its group: see `streams.agents.pump.membership.Membership`."""

    def __init__(self, app: App) -> None:
        self._app = app

    def live(self, generation: int) -> bool:
        """Whether that generation lasts."""
        return self._app.flow_control.is_active() and generation == self._app.consumer_generation_id

    def heard(self, within_s: float) -> bool:
        """By its heartbeats."""
        return cast("Consumer", self._app.consumer).heard(within_s)

    def assigned(self) -> frozenset[Partition]:
        """The partitions that are ours."""
        return frozenset(Partition(*tp) for tp in self._app.consumer.assignment())

    async def unread(self) -> Mapping[Partition, Stretch] | None:
        """As Kafka tells it: from what was delivered up to what is committed there."""
        consumer = self._app.consumer
        try:
            async with asyncio.timeout(UNREAD_S):
                ends = await consumer.highwaters(*consumer.assignment())
                return {
                    Partition(*tp): Stretch(await consumer.position(tp) or 0, end) for tp, end in ends.items()
                }
        except Exception as error:  # noqa: BLE001 - a rebalance, an outage: there is no lag to tell then
            logger.debug("how far behind a group is can't be told now: %s", type(error).__name__)
            return None

    def pause(self, partition: Partition) -> None:
        """Fetches no more of it. Not by `pause_partitions`, which drops what is fetched already."""
        self._app.consumer.on_buffer_full(TP(*partition))

    def resume(self, partition: Partition) -> None:
        """Fetches it again."""
        self._app.consumer.on_buffer_drop(TP(*partition))

    def read_upto(self) -> tuple[int, Mapping[Partition, tuple[int | None, int]]]:
        """The last offset that was delivered of each partition, and the one up to which it is read."""
        generation, read = cast("Consumer", self._app.consumer).read_upto()
        return generation, {Partition(*tp): known for tp, known in read.items()}

    async def commit(self, offsets: Mapping[Partition, int]) -> bool:
        """Commits in the present generation."""
        consumer = cast("Consumer", self._app.consumer)
        return await consumer.commit_offsets({TP(*partition): upto for partition, upto in offsets.items()})

    def crash(self, error: BaseException) -> None:
        """Stops the app, once."""
        self._app.give_up(error)
