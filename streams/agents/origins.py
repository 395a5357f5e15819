"""Origins: of which topic the offsets are that a group reads and commits.

A topic that is deleted and made again has other records under the same name and the same offsets. Kafka
forgets what was committed of it, but what is committed a moment later counts for the new one; and a consumer
that did not notice goes on where it was: at its end, or, where the new one has fewer records, at its
beginning. So each offset is committed along with its topic's id, and where that is another than the topic's
own, the topic is read from its beginning. Where an id changes under us, the group is joined anew.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.client import ConnectionGroup
from aiokafka.consumer.fetcher import OffsetResetStrategy
from aiokafka.errors import KafkaError
from aiokafka.structs import OffsetAndMetadata, TopicPartition

from streams.kafka.topic_ids import topic_ids

logger = logging.getLogger(__name__)

LOOK_S = 1.0
"""How often it is looked whether a topic was made again."""
AGAIN_S = 0.1
"""Before Kafka is asked again where it did not answer."""
MARK = "topic-id="
"""What is committed along with an offset begins with this."""
MISSING = "none"
"""In place of the id of a topic that was not there when its partition was begun: no topic has it."""
UNSAID = ""
"""In place of the id that an offset was not committed with, or that a topic has none of."""

Ids = Mapping[str, str] | None
"""The id of each topic that is there; None where the broker tells none at all."""


def marked(ids: Ids, topic: str) -> str:
    """What is committed along with an offset of `topic`."""
    number = UNSAID if ids is None else ids.get(topic, UNSAID)
    return "" if number == UNSAID else MARK + number


def named(mark: str) -> str:
    """The id in what was committed along with an offset."""
    return mark.removeprefix(MARK) if mark.startswith(MARK) else UNSAID


def made_again(ids: Ids, topic: str, mark: str) -> bool:
    """Whether `topic` is another one than that of the offset that was committed with `mark`.

    False where either is not known: the mark of who knew no ids, or a topic that has none or is not there.
    """
    now = UNSAID if ids is None else ids.get(topic, UNSAID)
    return now != UNSAID and named(mark) not in {UNSAID, now}


def changed(before: Ids, now: Ids) -> list[str]:
    """The topics that are there now, and are not those that they were."""
    if before is None or now is None:
        return []
    return sorted(topic for topic, number in now.items() if number not in {UNSAID, before.get(topic)})


class Origins:
    """Looks after the offsets of a consumer; in its loop. `commit` is what marks them."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer
        self._coordinator = consumer._coordinator  # noqa: SLF001 - there is no other way to it
        self._ids: Ids = None
        """Of the topics that are ours, when their partitions were begun; else that of what was committed."""
        self._told: Ids = None
        self._commit: Callable[[Any], Awaitable[None]] = consumer.commit
        consumer.commit = self._commit_marked

    async def _commit_marked(self, offsets: Mapping[TopicPartition, OffsetAndMetadata]) -> None:
        ids = self._ids
        await self._commit(
            {tp: OffsetAndMetadata(one.offset, marked(ids, tp.topic)) for tp, one in offsets.items()}
        )

    async def seek_to_committed(self) -> Mapping[TopicPartition, int]:
        """Begins each partition where it was committed, and gives that; a new one at its beginning."""
        consumer = self._consumer
        topics, ids = await self._ours()
        offsets = dict(await consumer.seek_to_committed())
        committed = await self._coordinator.fetch_committed_offsets(list(offsets))
        before = {tp.topic: named(one.metadata) for tp, one in committed.items()}
        self._ids = None if ids is None else {**dict.fromkeys(topics, MISSING), **before, **ids}
        anew = [tp for tp, one in committed.items() if made_again(ids, tp.topic, one.metadata)]
        if anew:
            topics = ", ".join(sorted({tp.topic for tp in anew}))
            logger.warning("read from their beginning, as they were made again: %s", topics)
            # Not waited for: its leader may not be known yet.
            consumer._fetcher.request_offset_reset(anew, OffsetResetStrategy.EARLIEST)  # noqa: SLF001
        return {tp: offset for tp, offset in offsets.items() if tp not in anew}

    async def watch(self) -> None:
        """Has the group joined anew where a topic was made again, until it is cancelled."""
        while True:
            await asyncio.sleep(LOOK_S)
            with contextlib.suppress(KafkaError, TimeoutError):
                await self._look()

    async def _look(self) -> None:
        before, topics = self._ids, {tp.topic for tp in self._consumer.assignment()}
        if not topics or before is None or before is self._told:
            return
        anew = changed(before, await self._ask(topics))
        if anew and before is self._ids:
            logger.warning("the group is joined anew, as topics were made again: %s", ", ".join(anew))
            self._told = before
            self._coordinator.request_rejoin()

    async def _ours(self) -> tuple[Collection[str], Ids]:
        """The topics that we have partitions of, and their ids."""
        topics, ids = set[str](), self._ids
        while topics != (ours := {tp.topic for tp in self._consumer.assignment()}):
            # They may be others by the time that Kafka answers.
            topics, ids = ours, await self._until_told(ours)
        return topics, ids

    async def _until_told(self, topics: Collection[str]) -> Ids:
        while True:
            try:
                return await self._ask(topics)
            except KafkaError as error:
                logger.debug("topics' ids can't be told now: %r", error)
            await asyncio.sleep(AGAIN_S)

    async def _ask(self, topics: Collection[str]) -> Ids:
        """Over the connection to the group's coordinator: on the others, answers wait for fetches."""
        await self._coordinator.ensure_coordinator_known()
        node_id = self._coordinator.coordinator_id
        return await topic_ids(
            self._consumer._client,  # noqa: SLF001 - there is no other way to its requests
            node_id,
            topics,
            group=ConnectionGroup.COORDINATION,
        )
