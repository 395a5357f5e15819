"""What the gateway's endpoints work with, built from the settings."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from streams.gateway.access import Doorkeeper
from streams.gateway.asking import Asking
from streams.gateway.feed import Feed
from streams.gateway.index import LiveIndex
from streams.gateway.keyring import Keyring
from streams.gateway.lookup import Lookup
from streams.gateway.rates import Rates
from streams.gateway.standing import Standing
from streams.kafka.connection import KafkaConnection
from streams.kafka.produce import Producer
from streams.ports import Observer
from streams.settings import Settings
from streams.settings.names import misconfigured
from streams.sources import Topics
from streams.wiring import connection, read_topics

SEND_S = 10.0
"""How long Kafka may take to accept a record: whoever asked by HTTP is waiting."""


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
        for close in (asking.close, feed.close, standing.close, producer.stop, index.close):
            await close()
