"""Whose the index is: one Kafka cluster's, noted in the index itself by whoever writes it first.

Documents are known by topic and key. Two deployments with the same topics in one index, staging's and
production's, replace each other's documents, and with them who may read them.
"""

from __future__ import annotations

from dataclasses import replace

from streams.errors import Misconfigured, Rejected, Retryable
from streams.kafka import cluster
from streams.ports import Generations
from streams.settings import Settings
from streams.wiring import connection
from streams.worker.parts import Index

TAKE_OVER = "`rag-streams reindex --take-over`"
ATTEMPTS = 5


async def owner_of(settings: Settings) -> str | None:
    """The id of the Kafka cluster that the settings name; None where it has none that tells it from others.

    Raises as `cluster.identity` does.
    """
    return None if settings.kafka_provider == "embedded" else await cluster.identity(connection(settings))


async def own(index: Index, settings: Settings, kafka: str | None) -> None:
    """Notes in an index that there is that it is `kafka`'s, where nobody has.

    Raises as `check_owner` does, and as the index does.
    """
    record = await index.generations()
    for _ in range(ATTEMPTS):
        check_owner(record, kafka, settings)
        if record is None or kafka is None or record.kafka is not None:
            return
        if await index.replace_generations(record, replace(record, kafka=kafka)):
            return
        record = await index.generations()
    raise Retryable("the index's record of generations changes all the time: try again")


async def refuse_others(index: Index, settings: Settings) -> None:
    """Raises `Misconfigured` where the index is another Kafka's, and as the index and Kafka do."""
    record = await index.generations()
    if record is not None and record.kafka is not None:
        check_owner(record, await owner_of(settings), settings)


async def take_over(index: Index, settings: Settings) -> Generations:
    """Makes the index these settings' Kafka's, whosever it was. Raises `Rejected` where there is none."""
    kafka = await owner_of(settings)
    for _ in range(ATTEMPTS):
        record = await index.generations()
        if record is None:
            raise Rejected("there is no index yet: a worker makes it", code="no_index")
        wanted = replace(record, kafka=kafka)
        if wanted == record or await index.replace_generations(record, wanted):
            return wanted
    raise Retryable("the index's record of generations changes all the time: try again")


def check_owner(record: Generations | None, kafka: str | None, settings: Settings) -> None:
    """Raises `Misconfigured` where the index is another Kafka's. One that tells no id is let pass."""
    if record is None or record.kafka in {None, kafka}:
        return
    embedded = settings.kafka_provider == "embedded"
    if kafka is None and not embedded:
        return
    setting = "STREAMS_SQLITE_PATH" if settings.store == "sqlite" else "STREAMS_INDEX_NAME"
    mine = "the embedded broker" if embedded else f"Kafka at {settings.kafka}, which is {kafka}"
    raise Misconfigured(
        f"the index is that of the Kafka cluster {record.kafka}, and these settings name {mine}: two"
        f" deployments in one index replace each other's documents. Give this one its own by {setting}; or,"
        f" where that cluster was moved or made anew, take the index over: {TAKE_OVER}",
        setting=setting,
    )
