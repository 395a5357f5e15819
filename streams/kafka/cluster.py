"""Which Kafka it is."""

from __future__ import annotations

from streams.kafka.admin import Admin
from streams.kafka.connection import KafkaConnection, started


async def identity(connection: KafkaConnection) -> str | None:
    """The id that the cluster got when it was made; None where it tells none. Raises as `fault` says."""
    async with started(connection, Admin(connection)) as admin:
        return await admin.cluster_id()
