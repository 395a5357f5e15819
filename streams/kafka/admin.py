"""What a broker tells about itself: topics, their configuration, a group's offsets."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import GroupCoordinatorNotAvailableError, TopicAlreadyExistsError, for_code
from aiokafka.structs import OffsetAndMetadata, TopicPartition

from streams.errors import Retryable
from streams.kafka.connection import REQUEST_MS, KafkaConnection, disconnect, faults

COORDINATOR_LOOKS = 30


@dataclass(frozen=True, slots=True)
class Shape:
    """A topic's partitions: how many there are, and how many of these have no leader now.

    `copies` are those of the partition that has the fewest, `in_sync` those that are up to date of the one
    that has the fewest of these.
    """

    partitions: int
    copies: int
    in_sync: int
    leaderless: int

    @classmethod
    def of(cls, partitions: Sequence[Mapping[str, Any]]) -> Self:
        """By what Kafka tells of them: `leader` (negative: none), `replicas` and `isr`, each by broker."""
        return cls(
            len(partitions),
            min((len(one["replicas"]) for one in partitions), default=0),
            min((len(one["isr"]) for one in partitions), default=0),
            sum(one["leader"] < 0 for one in partitions),
        )


class Admin:
    """One connection for administration, to be used with `started`. Methods raise as `fault` says."""

    def __init__(self, connection: KafkaConnection) -> None:
        self._connection = connection
        self._client = AIOKafkaAdminClient(**connection.kwargs(), request_timeout_ms=REQUEST_MS)
        self._coordinators: dict[str, int] = {}

    async def start(self) -> None:
        """Connects."""
        await self._client.start()

    async def stop(self) -> None:
        """Lets go of the connection."""
        await self._client.close()

    def disconnect(self) -> None:
        """Makes its connections anew, as those that there are may lead nowhere."""
        disconnect(self._client._client)  # noqa: SLF001 - there is no other way to its connections

    async def cluster_id(self) -> str | None:
        """The id that the cluster got when it was made; None where it tells none."""
        with faults(self._connection):
            told = await self._client.describe_cluster()
            return told.get("cluster_id") or None

    async def shapes(self) -> Mapping[str, Shape]:
        """Each topic that exists; all of them, since to ask for one may make it."""
        with faults(self._connection):
            found = await self._client.describe_topics()
            return {topic["topic"]: Shape.of(topic["partitions"]) for topic in found}

    async def partitions(self) -> Mapping[str, int]:
        """How many partitions each topic has that exists."""
        return {topic: shape.partitions for topic, shape in (await self.shapes()).items()}

    async def configs(self, topics: Collection[str]) -> Mapping[str, Mapping[str, str]]:
        """The configuration of topics that exist, defaults included."""
        if not topics:
            return {}
        with faults(self._connection):
            asked = [ConfigResource(ConfigResourceType.TOPIC, topic) for topic in topics]
            found: dict[str, Mapping[str, str]] = {}
            for answer in await self._client.describe_configs(asked):
                for code, _message, _type, topic, entries in answer.resources:
                    if code:
                        raise for_code(code)
                    found[topic] = {entry[0]: entry[1] for entry in entries}
            return found

    async def create(self, topic: str, partitions: int, replication: int, config: Mapping[str, str]) -> bool:
        """Makes a topic; False where somebody else has made it already."""
        with faults(self._connection):
            new = NewTopic(topic, partitions, replication, topic_configs=dict(config))
            answer = await self._client.create_topics([new], timeout_ms=REQUEST_MS)
            for _topic, code, *message in answer.topic_errors:
                error = for_code(code)
                if code and error is not TopicAlreadyExistsError:
                    raise error(*message)
                return not code
            return False

    async def coordinator(self, group: str) -> int:
        """The id of the broker that keeps a group's offsets, asked for anew."""
        with faults(self._connection):
            found: int = await self._client.find_coordinator(group)
            return found

    async def members(self, group: str) -> int:
        """How many consumers are in a group now."""
        with faults(self._connection):
            (answer,) = await self._client.describe_consumer_groups([group])
            (found,) = answer.to_object()["groups"]
            if found["error_code"]:
                raise for_code(found["error_code"])(group)
            return len(found["members"])

    async def committed(
        self, group: str, partitions: Sequence[tuple[str, int]]
    ) -> Mapping[tuple[str, int], int]:
        """The next offset that a group will read, for each of these partitions that it committed one for."""
        if not partitions:
            return {}
        asked = [TopicPartition(*partition) for partition in partitions]
        for _ in range(COORDINATOR_LOOKS):
            found = await self._group_offsets(group, asked)
            if found.keys() >= set(asked):
                return {
                    (tp.topic, tp.partition): held.offset for tp, held in found.items() if held.offset >= 0
                }
            await asyncio.sleep(0.1)
        raise Retryable(
            f"Kafka at {self._connection.bootstrap_servers} does not tell the offsets of the group {group}:"
            " try again; if it stays so, see the broker's log",
            code="kafka_down",
        )

    async def _group_offsets(
        self, group: str, asked: Sequence[TopicPartition]
    ) -> Mapping[TopicPartition, OffsetAndMetadata]:
        """What the group's coordinator says; nothing while there is none, or it has not read its log yet."""
        with faults(self._connection):
            try:
                if group not in self._coordinators:
                    self._coordinators[group] = await self._client.find_coordinator(group)
                found = await self._client.list_consumer_group_offsets(
                    group, self._coordinators[group], list(asked)
                )
            except GroupCoordinatorNotAvailableError:
                found = {}
        # An error of the whole answer comes as one without partitions: aiokafka does not look at it.
        if not found:
            self._coordinators.pop(group, None)
        return dict(found)
