"""What the gateway's endpoints work with, built from the settings."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import structlog

from streams.gateway.access.doorkeeper import Doorkeeper
from streams.gateway.access.keyring import Keyring
from streams.gateway.access.rates import Rates
from streams.gateway.asking.asking import Asking
from streams.gateway.reading.feed import Feed
from streams.gateway.reading.index import LiveIndex
from streams.gateway.reading.lookup import Lookup
from streams.gateway.reading.standing import Standing
from streams.kafka.connection import KafkaConnection
from streams.kafka.produce import Producer
from streams.ports import Observer
from streams.settings import Settings
from streams.settings.names import misconfigured
from streams.sources import Topics
from streams.wiring import connection, read_topics

SEND_S = 10.0
"""How long Kafka may take to accept a record: whoever asked by HTTP is waiting."""
CLOSE_S = 6.0
"""How long letting go may take: a producer hands over what it holds for five seconds."""

log = structlog.get_logger("streams.gateway")


@dataclass(frozen=True, slots=True)
class Parts:
    """One of each, shared by all requests."""

    settings: Settings
    connection: KafkaConnection
    topics: Topics
    keyring: Keyring
    door: Doorkeeper
    producer: Producer
    asking: Asking
    index: LiveIndex
    lookup: Lookup
    feed: Feed
    standing: Standing
    observe: Observer


@asynccontextmanager
async def parts(settings: Settings, observe: Observer) -> AsyncIterator[Parts]:
    """The parts. Connections are made when they are first needed, so that Kafka may come later.

    Raises `Misconfigured` where there is no file of keys.
    """
    if settings.api_keys_file is None:
        raise misconfigured(
            "api_keys_file",
            "is needed: the gateway lets nobody in without a key; see `rag-streams keys create`",
        )
    there, topics = connection(settings), read_topics(settings)
    keyring = Keyring(settings.api_keys_file, observe)
    door = Doorkeeper(keyring, Rates(settings.rate_limit), observe)
    producer = Producer(there, max_bytes=settings.topic_max_message_bytes, timeout_s=SEND_S)
    asking = Asking(there, topics, settings.topic_answers, producer)
    index = LiveIndex(settings)
    feed = Feed(there, settings.topic_indexed)
    standing = Standing(settings, there, topics, index, keyring)
    try:
        yield Parts(
            settings, there, topics, keyring, door, producer, asking, index, Lookup(topics, index), feed,
            standing, observe,
        )  # fmt: skip
    finally:
        await _closed(asking.close, feed.close, standing.close, producer.stop, index.close)


async def _closed(*closes: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Closes all at once: what hangs or fails keeps none of the others from it, nor us for long."""
    closing = [asyncio.create_task(close()) for close in closes]
    done, hanging = await asyncio.wait(closing, timeout=CLOSE_S)
    for one in hanging:
        one.cancel()
    failed = [one.exception() for one in done if not one.cancelled()]
    problems = [type(error).__name__ for error in failed if error is not None]
    if hanging or problems:
        log.warning("not all was let go of in time", hanging=len(hanging), problems=problems)
