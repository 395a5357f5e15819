"""A Faust app that loses nothing: its settings, its transport, and a pump in front of its one stream."""

from __future__ import annotations

import asyncio
import logging
import os
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

import faust
from faust.exceptions import ProducerSendError
from faust.types import TP

from streams.agents.pump.membership import Partition, Stretch
from streams.agents.pump.pump import Pump
from streams.agents.transport import MAX_POLL_RECORDS, STREAM_RECORDS, Consumer, Producer, Transport
from streams.errors import Misconfigured, Retryable
from streams.kafka.connection import KafkaConnection
from streams.kafka.faults import FAULTS, fault
from streams.messages.records import Outgoing, Record

logger = logging.getLogger(__name__)

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")

UNREAD_S = 5.0
"""How long Kafka may take to say how much there is to read."""
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


class Producing:
    """Produces through an app that is started. Gives Kafka's errors by our names."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, outgoing: Outgoing) -> None:
        """Returns once Kafka has the record. Raises `Rejected` (too large), `Retryable`, `Misconfigured`."""
        where = self._app.connection.bootstrap_servers
        headers = cast("list[tuple[str, bytes]]", list(outgoing.headers))  # null values are Kafka's, too
        try:
            await self._app.producer.send_and_wait(
                outgoing.topic, outgoing.key, outgoing.value, outgoing.partition, None, headers
            )
        except FAULTS as error:
            raise fault(where, error) from error
        except ProducerSendError as error:
            raise fault(where, error.__cause__ or error) from error
        except faust.exceptions.NotReady as error:
            raise Retryable("the producer is not started yet: wait", code="kafka_down") from error


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
