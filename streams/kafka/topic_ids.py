"""Topics' ids: they tell a topic from one of the same name that was made after it was deleted.

Kafka gives them with its metadata from version 10 on (KIP-516, Kafka 2.8); aiokafka asks for version 5.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from io import BytesIO
from typing import Any

from aiokafka.client import AIOKafkaClient, ConnectionGroup
from aiokafka.errors import IncompatibleBrokerVersion
from aiokafka.protocol.abstract import AbstractType
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    Boolean,
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Schema,
    TaggedFields,
)

NONE = bytes(16)
"""Kafka's id of a topic that has none, or is not there."""


class Uuid(AbstractType[bytes]):  # type: ignore[misc]
    """16 bytes."""

    @classmethod
    def encode(cls, value: bytes) -> bytes:
        """As they are."""
        return value

    @classmethod
    def decode(cls, data: BytesIO) -> bytes:
        """As they are."""
        return data.read(16)


class TopicIdsResponse(Response):  # type: ignore[misc]
    """Metadata, version 10."""

    API_KEY = 3
    API_VERSION = 10
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "brokers",
            CompactArray(
                ("node_id", Int32),
                ("host", CompactString()),
                ("port", Int32),
                ("rack", CompactString()),
                ("tags", TaggedFields),
            ),
        ),
        ("cluster_id", CompactString()),
        ("controller_id", Int32),
        (
            "topics",
            CompactArray(
                ("error_code", Int16),
                ("name", CompactString()),
                ("topic_id", Uuid),
                ("is_internal", Boolean),
                (
                    "partitions",
                    CompactArray(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", CompactArray(Int32)),
                        ("isr", CompactArray(Int32)),
                        ("offline_replicas", CompactArray(Int32)),
                        ("tags", TaggedFields),
                    ),
                ),
                ("authorized_operations", Int32),
                ("tags", TaggedFields),
            ),
        ),
        ("authorized_operations", Int32),
        ("tags", TaggedFields),
    )


class TopicIdsRequest_v10(RequestStruct):  # type: ignore[misc]  # noqa: N801 - as aiokafka names them
    """Metadata, version 10."""

    FLEXIBLE_VERSION = True
    API_KEY = 3
    API_VERSION = 10
    RESPONSE_TYPE = TopicIdsResponse
    SCHEMA = Schema(
        (
            "topics",
            CompactArray(("topic_id", Uuid), ("name", CompactString()), ("tags", TaggedFields)),
        ),
        ("allow_auto_topic_creation", Boolean),
        ("include_cluster_authorized_operations", Boolean),
        ("include_topic_authorized_operations", Boolean),
        ("tags", TaggedFields),
    )


class TopicIdsRequest(Request[TopicIdsRequest_v10]):  # type: ignore[misc]
    """Asks for topics that may not be there, and makes none."""

    API_KEY = 3

    def __init__(self, topics: Collection[str]) -> None:
        self._topics = topics

    def build(self, request_struct_class: type[TopicIdsRequest_v10]) -> TopicIdsRequest_v10:
        """The request as it is sent."""
        named: list[tuple[bytes, str, dict[int, bytes]]] = [(NONE, topic, {}) for topic in self._topics]
        return request_struct_class(named, False, False, False, {})


async def topic_ids(
    client: AIOKafkaClient, node_id: int, topics: Collection[str], *, group: Any = ConnectionGroup.DEFAULT
) -> Mapping[str, str] | None:
    """The id of each of these topics that is there, as 32 hexadecimal digits, by the broker `node_id`.

    Empty for a topic that is there and has none: it was made before its cluster had ids, as one has that is
    being upgraded. None where the broker tells no ids at all. Raises aiokafka's `KafkaError`.
    """
    try:
        answer = await client.send(node_id, TopicIdsRequest(topics), group=group)
    except (IncompatibleBrokerVersion, NotImplementedError):
        return None
    found = {
        name: ("" if number == NONE else number.hex(), error) for error, name, number, *_ in answer.topics
    }
    return {name: number for name, (number, error) in found.items() if number or not error}
