"""A Faust app that loses nothing: its settings, its transport, and a pump in front of its one stream."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

import faust

from streams.agents.pump.pump import Pump
from streams.agents.transport import MAX_POLL_RECORDS, STREAM_RECORDS, Producer, Transport
from streams.errors import Misconfigured
from streams.kafka.connection import KafkaConnection
from streams.messages.records import Record

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")

METADATA_MS = 10_000
"""How soon partitions are seen that a topic gets: of one made anew, too, whose group met without it."""
FOR_EVER_S = 2_000_000
"""About 23 days, near the longest that aiokafka takes: only a dead process may lose its place."""


@dataclass(frozen=True, slots=True)
class AppConfig:
    """One consumer group on one Kafka. `group` is its full name, such as `rag-streams-index`.

    `session_s`: how long the group waits for a worker that died; None: 10 s, 6 s on the embedded broker.
    `max_message_bytes`: the largest record that is produced.
    """

    group: str
    connection: KafkaConnection
    session_s: float | None = None
    max_message_bytes: int = 8 * 1024 * 1024
    max_partition_fetch_bytes: int = 512 * 1024


class App(faust.App):
    """A Faust app with our transport."""

    connection: KafkaConnection
    fetch_wait_s: float

    def __init__(self, config: AppConfig) -> None:
        self.connection = config.connection
        self.fetch_wait_s = 0.1 if config.connection.embedded else 0.5
        self._drains: list[Callable[[], Awaitable[None]]] = []
        self._rooms: list[Callable[[], bool]] = []
        self._disconnects: list[Callable[[], None]] = []
        self._failure: BaseException | None = None
        self._failed = asyncio.Event()
        super().__init__(config.group, **_settings(config))

    def give_up(self, error: BaseException) -> None:
        """Has the app stopped for `error`, the first one told, in good order.

        Faust's own way, `crash`, closes the consumer's loop under what is still to be committed.
        """
        self._failure = self._failure or error
        self._failed.set()

    async def failed(self) -> BaseException:
        """Returns when the app can't go on, with why."""
        # Faust tells of a crash in no other way: start() and stop() return as if nothing was.
        ends = {asyncio.create_task(self._failed.wait()), asyncio.create_task(self._crashed.wait())}
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in ends:
                task.cancel()
        reason = self._failure or self.crash_reason
        return reason or RuntimeError(f"{self.conf.id} crashed and does not say why")

    def on_drain(self, drain: Callable[[], Awaitable[None]]) -> None:
        """Has `drain` called before partitions are given up."""
        self._drains.append(drain)

    def on_disconnect(self, disconnect: Callable[[], None]) -> None:
        """Has `disconnect` called where Kafka does not answer the consumer any more."""
        self._disconnects.append(disconnect)

    def disconnect(self) -> None:
        """Has the producer, and whoever wants to know, make their connections anew."""
        for disconnect in (cast("Producer", self.producer).disconnect, *self._disconnects):
            disconnect()

    async def drain(self) -> None:
        """Returns when every pump has let go."""
        await asyncio.gather(*(drain() for drain in self._drains))

    @contextmanager
    def fetching_while(self, has_room: Callable[[], bool]) -> Iterator[None]:
        """Has records fetched only while `has_room` says so."""
        self._rooms.append(has_room)
        try:
            yield
        finally:
            self._rooms.remove(has_room)

    def has_room(self) -> bool:
        """Whether more records may be fetched."""
        return all(has_room() for has_room in self._rooms)

    def _new_transport(self) -> Transport:
        return Transport(self.conf.broker_consumer, self)

    def _new_producer_transport(self) -> Transport:
        return Transport(self.conf.broker_producer, self)


def create_app(config: AppConfig) -> App:
    """The app, not yet started; it can be started once. Nothing is connected to before.

    Raises `Misconfigured` where there is no folder for temporary files.
    """
    return App(config)


def _settings(config: AppConfig) -> dict[str, Any]:
    embedded = config.connection.embedded
    # The embedded broker's join takes half a session.
    session = config.session_s or (6.0 if embedded else 10.0)
    servers = config.connection.bootstrap_servers.replace(" ", "").split(",")
    return {
        "broker": [f"kafka://{server}" for server in servers],
        "store": "memory://",
        "datadir": str(_folder(config.group)),
        "autodiscover": False,
        "web_enabled": False,
        "topic_disable_leader": True,
        "topic_allow_declare": False,
        "consumer_auto_offset_reset": "earliest",
        "consumer_metadata_max_age_ms": METADATA_MS,
        "consumer_max_fetch_size": config.max_partition_fetch_bytes,
        "stream_wait_empty": True,
        "stream_buffer_maxsize": STREAM_RECORDS,
        "broker_session_timeout": session,
        "broker_heartbeat_interval": min(1.0, session / 3),
        "broker_request_timeout": max(20.0, 2 * session),
        "broker_rebalance_timeout": 60.0,
        "broker_max_poll_interval": FOR_EVER_S,
        "broker_max_poll_records": MAX_POLL_RECORDS,
        "broker_commit_interval": 60.0,
        "producer_acks": -1,
        "producer_max_request_size": config.max_message_bytes,
        "producer_max_batch_size": 1 if embedded else 16384,
    }


def _folder(group: str) -> Path:
    """Where nothing is kept, but Faust makes the folder, and would take a failure for Kafka's."""
    try:
        folder = Path(tempfile.gettempdir(), f"rag-streams-{os.getuid()}-{group}")
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise Misconfigured(
            f"TMPDIR: a folder for temporary files is needed, and can't be made ({error.strerror}):"
            f" {error.filename or 'there is none that can be written'}",
            setting="TMPDIR",
        ) from None
    return folder


def attach(app: App, topics: Sequence[str], pump: Pump[Item, Outcome]) -> None:
    """Has the app read `topics` through the pump: one actor, as order is the pump's business."""
    channel = app.topic(
        *topics, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw"
    )

    async def consume(stream: faust.StreamT[bytes]) -> None:
        queue = cast("Any", stream.channel).queue
        with app.fetching_while(lambda: pump.has_room() and queue.qsize() < MAX_POLL_RECORDS):
            await pump.consume(_deliveries(stream, queue))

    app.agent(channel, name=app.conf.id, concurrency=1)(consume)
    app.on_drain(pump.drain)


async def _deliveries(stream: Any, queue: Any) -> AsyncIterator[tuple[Record, int]]:
    async for event in stream.noack().events():
        yield _record(event.message), event.message.generation_id
        # The stream gives one record a turn of the loop, whatever waits in its queue.
        while not queue.empty():
            message = queue.get_nowait().message
            yield _record(message), message.generation_id


def _record(message: Any) -> Record:
    return Record(
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
        timestamp=round((message.timestamp or 0) * 1000),
        key=message.key,
        value=message.value,
        headers=tuple(message.headers or ()),
    )
