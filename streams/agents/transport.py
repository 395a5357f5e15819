"""Faust's Kafka transport, with what it gets wrong put right.

- Its consumer reads uncommitted records unless `exactly_once` is on, which must be avoided: ours reads
  committed ones only, and bounds what one fetch may hold.
- It commits past unfinished records, and forgets what was acknowledged when partitions are revoked: ours
  never commits by itself. Where it waits for its streams to be empty, at a rebalance and at the end, ours
  lets the pumps drain, which commit what they finished.
- It drops what lies before the offset that it knows, without a word, though that may be of a topic that was
  deleted and made again: ours hands over whatever comes, and the pump begins such a partition anew.
- It takes a topic that was deleted and made again for the one that was, if that went by unnoticed: ours
  knows them apart, see `origins`.
- It commits records' offsets alone, so that a partition that ends in a transaction's marker, or in what was
  aborted, is never committed to its end: ours tells how far it has read.
- Its coordinator stops where it is told what it does not expect, or reads all anew: see `coordination`.
- Its connections may be half open for as long as the longest request may take: ours are given up where a
  heartbeat has no answer.
- It hands each record to the stream by tasks of its own, over several turns of the loop, and where the
  stream is full it sleeps for a second: ours hands over what was fetched at once, and fetches while there
  is room.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Protocol, cast

import aiokafka
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.errors import ConsumerStoppedError
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from streams.agents.coordination import Coordination, look_closer
from streams.agents.origins import Origins
from streams.agents.pulse import Pulse
from streams.agents.pump.turn import Turn
from streams.errors import Misconfigured
from streams.kafka.connection import KafkaConnection, disconnect, unhurried
from streams.kafka.faults import fault

MAX_FETCH_BYTES = 8 * 1024 * 1024
"""Of one fetch from one broker; a single larger record still comes, alone."""
MAX_POLL_RECORDS = 500
"""Records that are taken at once of what was fetched."""
STREAM_RECORDS = 4 * MAX_POLL_RECORDS
"""Of these the stream has room for; it never holds half as many, so that Faust pauses nothing by itself."""
TURN_S = 0.005
"""For how long records are handed over before others have their turn."""
LOOK_AGAIN_S = 0.02
"""How often it is looked whether the pumps have room again."""
POSITION_S = 0.2
"""How often it is told how far partitions are read in which nothing comes."""


class Host(Protocol):
    """The app that this is the transport of: see `streams.agents.app.App`."""

    connection: KafkaConnection
    fetch_wait_s: float

    async def drain(self) -> None:
        """Returns when every pump has let go."""
        ...

    def has_room(self) -> bool:
        """Whether more records may be fetched."""

    def disconnect(self) -> None:
        """Makes all connections anew that may be as dead as the consumer's."""

    def give_up(self, error: BaseException) -> None:
        """Stops the app, in good order."""


def _host(app: Any) -> Host:
    return cast("Host", app)


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """Makes the consumer of the worker, and tells how far it has read."""

    read: tuple[int, Mapping[TP, int]] = (-1, {})
    """Of a generation, the offset up to which (exclusive) each partition is read, and handed over."""
    pulse: Pulse | None = None
    """Of the consumer, once it is made."""
    _origins: Origins | None = None
    """Of the consumer, once it is started."""

    async def _fetch_records(
        self,
        consumer: aiokafka.AIOKafkaConsumer,
        active_partitions: set[TP],
        timeout: float | None = None,  # noqa: ASYNC109 - Faust's signature
        max_records: int | None = None,
    ) -> Any:
        """What was fetched. All that this gave before is handed over when it is called again."""
        left_s = timeout or 0.0
        while True:
            self._tell(consumer)
            part_s = min(left_s, POSITION_S)
            records = await super()._fetch_records(consumer, active_partitions, part_s, max_records)
            left_s -= part_s
            if records or left_s <= 0 or not self.consumer.flow_active:
                return records

    def _tell(self, consumer: aiokafka.AIOKafkaConsumer) -> None:
        if not self.consumer.flow_active:
            return
        subscription = consumer._subscription.subscription  # noqa: SLF001 - `position` may wait for one
        assignment = None if subscription is None else subscription.assignment
        if assignment is not None:
            states = {tp: assignment.state_value(tp) for tp in assignment.tps}
            read = {TP(*tp): state.position for tp, state in states.items() if state.has_valid_position}
            self.read = (self.app.consumer_generation_id, read)

    def _create_worker_consumer(self, transport: driver.Transport) -> aiokafka.AIOKafkaConsumer:  # noqa: ARG002 - Faust's signature
        conf = self.app.conf
        connecting = _host(self.app).connection.consumer_kwargs()
        consumer = aiokafka.AIOKafkaConsumer(
            # To join takes as long as the others need to let go, or are waited for.
            **{**connecting, "request_timeout_ms": _ms(conf.broker_request_timeout)},
            client_id=conf.broker_client_id,
            group_id=conf.id,
            partition_assignment_strategy=[RoundRobinPartitionAssignor],
            auto_offset_reset=conf.consumer_auto_offset_reset,
            max_poll_records=conf.broker_max_poll_records,
            max_poll_interval_ms=_ms(conf.broker_max_poll_interval),
            max_partition_fetch_bytes=conf.consumer_max_fetch_size,
            fetch_max_bytes=MAX_FETCH_BYTES,
            fetch_max_wait_ms=_ms(_host(self.app).fetch_wait_s),
            session_timeout_ms=_ms(conf.broker_session_timeout),
            rebalance_timeout_ms=_ms(conf.broker_rebalance_timeout),
            heartbeat_interval_ms=_ms(conf.broker_heartbeat_interval),
            metadata_max_age_ms=conf.consumer_metadata_max_age_ms,
            connections_max_idle_ms=conf.consumer_connections_max_idle_ms,
        )
        client = consumer._client  # noqa: SLF001 - there is no other way to its requests
        look_closer(client)
        self.pulse = Pulse(client, conf.broker_session_timeout, self._lost)
        return consumer

    async def on_start(self) -> None:
        """As Faust's; what becomes of the group, and of its topics, is looked after from then on."""
        await super().on_start()
        consumer = self._ensure_consumer()
        Coordination(consumer._coordinator, self._give_up)  # noqa: SLF001 - there is no other way to it
        if not _host(self.app).connection.embedded:
            self._origins = Origins(consumer)
            self.add_future(self._origins.watch())

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """As Faust's, but for topics that were made again: these from their beginning."""
        if self._origins is None:
            return await super().seek_to_committed()
        return cast("Mapping[TP, int]", await self.call_thread(self._origins.seek_to_committed))

    def _give_up(self, error: BaseException) -> None:
        host = _host(self.app)
        meant = fault(host.connection.bootstrap_servers, error)
        self.app.loop.call_soon_threadsafe(host.give_up, meant if isinstance(meant, Misconfigured) else error)

    def _lost(self) -> None:
        self.app.loop.call_soon_threadsafe(_host(self.app).disconnect)


class Consumer(driver.Consumer):
    """Leaves acknowledgement to the pumps."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.handed_over: dict[TP, int] = {}
        """The last offset that was handed over of each partition, since it was assigned."""

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """As Faust's; nothing of them is read yet, also where the generation is the one that was."""
        cast("ConsumerThread", self._thread).read = (-1, {})
        await super().on_partitions_assigned(assigned, generation_id)

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """As Faust's; what is revoked was never handed over."""
        await super().on_partitions_revoked(revoked)
        for partition in revoked:
            self.handed_over.pop(partition, None)

    def read_upto(self) -> tuple[int, Mapping[TP, tuple[int | None, int]]]:
        """A generation, and of each partition in it the last offset handed over, and the one read up to.

        The latter is exclusive. Between the two there is nothing for a reader of committed records.
        """
        generation, read = cast("ConsumerThread", self._thread).read
        return generation, {tp: (self.handed_over.get(tp), upto) for tp, upto in read.items()}

    def heard(self, within_s: float) -> bool:
        """Whether the group has told us within so many seconds that we belong to it."""
        pulse = cast("ConsumerThread", self._thread).pulse
        return pulse is not None and pulse.heard(within_s)

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def _drain_messages(self, fetcher: Any) -> None:
        """Hands over what is fetched, until one of the two is stopped."""
        turn = Turn(TURN_S)
        while not (self.should_stop or fetcher.should_stop):
            try:
                await self._until_room()
                async for partition, message in self.getmany(timeout=1.0):
                    await self._hand_over(partition, message)
                    await turn.over()
            except (ConsumerStoppedError, asyncio.CancelledError):
                if self.transport.app.should_stop:
                    return
                raise

    async def _until_room(self) -> None:
        await self.sleep(0)
        while self.flow_active and not (self.should_stop or _host(self.app).has_room()):
            await self.sleep(LOOK_AGAIN_S)

    async def _hand_over(self, partition: TP, message: Any) -> None:
        # It waits for nothing: `getmany` gives records only while they flow, and the stream has room.
        await self.callback(message)
        if message.offset <= self.handed_over.get(partition, -1):
            # It goes back: how far it was read is no more true, and told again before the next is fetched.
            cast("ConsumerThread", self._thread).read = (-1, {})
        self.handed_over[partition] = message.offset

    async def wait_empty(self) -> None:
        """Called before partitions are given up: the pumps drain, and commit what they finished."""
        await _host(self.app).drain()

    async def commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:  # noqa: ARG002, FBT001, FBT002 - Faust's signature
        """Nothing: the pumps commit."""
        return False

    async def commit_offsets(self, offsets: Mapping[TP, int]) -> bool:
        """Commits the next offsets to be read, of what is still ours; False where the group has moved on."""
        return await self._commit(offsets)

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Nothing: gaps between offsets are no matter where records are acknowledged in order."""

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Nothing: it takes a partition that the pump has paused for one that is stuck."""


class Producer(driver.Producer):
    """Connects as the settings say."""

    def _settings_auth(self) -> dict[str, Any]:
        # Not idempotent: its fatal states can't be left without a new producer, and readers drop repeats.
        return {**_host(self.app).connection.producer_kwargs(), "enable_idempotence": False}

    def _new_producer(self, transactional_id: str | None = None) -> aiokafka.AIOKafkaProducer:
        producer = super()._new_producer(transactional_id)
        unhurried(producer.client)
        return producer

    def disconnect(self) -> None:
        """Has it make its connections anew; what is under way is sent again."""
        if self._producer is not None:
            disconnect(self._producer.client)


class Transport(driver.Transport):
    """The transport of `streams.agents.app.App`."""

    Consumer = Consumer
    Producer = Producer


def _ms(seconds: float) -> int:
    return int(seconds * 1000)
