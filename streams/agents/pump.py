"""The pump: records in, handled in order per key and side by side across keys, acknowledged in order.

Faust's own acknowledgement loses records. Here, a record is committed only when it and all before it in its
partition are finished, and finished means done, or written as a dead letter. What fails because a
dependency is down waits for it. A record that needs something fetched before it can be taken apart holds
up its partition, whose documents it may be about, and no other.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Hashable, Mapping
from contextlib import suppress
from typing import Generic, Literal, NamedTuple, TypeVar

from streams.agents.attempts import Attempts, Patience, Tried, raised
from streams.agents.backoff import Backoff, Random
from streams.agents.commits import Commits
from streams.agents.delivery import DeadLetters, Delivery, Produce
from streams.agents.dependency import Canary, Dependency
from streams.agents.lanes import Lanes
from streams.agents.lease import Lease
from streams.agents.membership import Membership, Partition, Stretch
from streams.agents.slots import Part, Slot
from streams.agents.turn import Turn
from streams.agents.window import Window
from streams.agents.work import Ended, Fetch, PumpSettings, Work
from streams.errors import Misconfigured, Rejected, Retryable
from streams.messages.records import Record
from streams.ports import Monotonic, Now, Observed, Observer, unobserved

logger = logging.getLogger(__name__)

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")
State = Literal["starting", "running", "waiting", "draining", "stopped"]

LET_GO_S = 1.0
"""What a cancelled handler is given to end."""
TURN_S = 0.005
"""For how long records are taken before others have their turn."""
LOOK_AGAIN_S = 0.05
"""How often a drain looks for handlers that only wait."""
PASS_S = 0.2
"""How often it is looked whether a partition is read further than its last record."""
LOST_S = 30.0
"""How long a handler that has lost its place waits to be told so by the group."""


class Behind(NamedTuple):
    """The first offset of a partition that is not finished, and how many records are not, or a few more."""

    offset: int
    records: int


class Pump(Generic[Item, Outcome]):
    """Drives one `Work` with the records of one consumer group."""

    def __init__(
        self,
        member: Membership,
        work: Work[Item, Outcome],
        settings: PumpSettings,
        *,
        produce: Produce,
        canary: Canary,
        supply: Canary | None = None,
        now: Now,
        random: Random,
        observe: Observer = unobserved,
        monotonic: Monotonic = time.monotonic,
    ) -> None:
        self._member, self._work, self._settings, self._observe = member, work, settings, observe
        backoff = Backoff(settings.backoff_s, settings.backoff_max_s, random)
        deliver = Delivery.of(produce, settings, random)
        self._dead = DeadLetters(
            deliver,
            now,
            topic=settings.dead_topic,
            retry_topics=settings.retry_topics,
            max_bytes=settings.max_bytes,
        )
        self._dependency = self._gate(canary, backoff)
        self._supply = self._gate(supply or canary, backoff)
        patience = Patience(settings.poison_after, settings.failed_after, settings.handle_limit_s)
        self._attempts = Attempts(self._dependency, patience, backoff, observe, settings.name)
        self._fetches = Attempts(self._supply, patience, backoff, observe, settings.name)
        self._fetching: set[asyncio.Task[None]] = set()
        self._commits = Commits(member.commit, interval_s=settings.commit_interval_s)
        self._lease = Lease(settings.freeze_s, monotonic)
        self._lanes: Lanes[Part[Item, Outcome]] = Lanes()
        self._windows: dict[Partition, Window] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._full: set[Partition] = set()
        self._room = asyncio.Event()
        self._quiet = asyncio.Event()
        self._epoch = 0
        self._generation: int | None = None
        self._pending = self._bytes = 0
        self._started = self._closing = self._stopped = False
        self._draining: asyncio.Task[None] | None = None

    def _gate(self, canary: Canary, backoff: Backoff) -> Dependency:
        return Dependency(
            canary,
            limit_s=self._settings.canary_limit_s,
            backoff=backoff,
            changed=self._on_dependency,
            misconfigured=self._member.crash,
        )

    # What the rest of the worker sees

    @property
    def state(self) -> State:
        """`running` is ready; `waiting`: a dependency is down, nothing is lost, nothing goes on."""
        if self._stopped:
            return "stopped"
        if self._closing or self._draining is not None:
            return "draining"
        if self._dependency.down or self._supply.down:
            return "waiting"
        return "running" if self._started else "starting"

    @property
    def problem(self) -> str | None:
        """Why it is `waiting`, else None."""
        down = [gate for gate in (self._dependency, self._supply) if gate.down]
        return down[0].problem if down else None

    @property
    def pending(self) -> int:
        """Records accepted and not yet finished."""
        return self._pending

    @property
    def oldest(self) -> int | None:
        """Kafka's timestamp (ms) of the oldest record that is accepted and not finished; None without any."""
        oldest = [window.oldest for window in self._windows.values()]
        return min((one for one in oldest if one is not None), default=None)

    async def behind(self) -> Mapping[Partition, Behind] | None:
        """How far each of our partitions is behind; None where that can't be told now."""
        unread = await self._member.unread()
        return (
            None if unread is None else {one: self._behind(one, stretch) for one, stretch in unread.items()}
        )

    def _behind(self, partition: Partition, unread: Stretch) -> Behind:
        window = self._windows.get(partition)
        first = None if window is None else window.first
        count = max(0, unread.end - unread.begin) + (0 if window is None else len(window))
        return Behind(unread.begin if first is None else first, count)

    def has_room(self) -> bool:
        """Whether more records are taken now; as many as come at once may follow the last that fits."""
        return not self._full_up()

    async def in_place(self) -> None:
        """Returns while records that are handled now are ours alone; for a handler, before what counts once.

        A process that was frozen asks its group first, by a commit, as others may have its partitions by
        now. Where they have, it doesn't return, and is cancelled with its handler. Raises `Retryable`
        should that not happen.
        """
        if not self._lease.lapsed and self._generation is not None and self._member.live(self._generation):
            return
        if await self._commits.confirm(self._next_to_finish):
            self._lease.renew()
            return
        await self._attempts.idle(asyncio.sleep(LOST_S))
        raise Retryable("the group does not say whose the record is", code="place_lost")

    def _next_to_finish(self) -> dict[Partition, int]:
        """The offset that each partition goes on at, were it given to another worker now."""
        firsts = {partition: window.first for partition, window in self._windows.items()}
        return {partition: first for partition, first in firsts.items() if first is not None}

    async def consume(self, deliveries: AsyncIterator[tuple[Record, int]]) -> None:
        """Works on records as they are delivered, each with its generation, until there are no more."""
        self._reset()
        beside = [
            asyncio.create_task(one()) for one in (self._commits.run, self._lease.run, self._pass_markers)
        ]
        self._started = True
        turn = Turn(TURN_S)
        try:
            async for record, generation in deliveries:
                await self._until_room(generation)
                if self._takes(generation):
                    self._accept(record, generation)
                await turn.over()
        finally:
            for task in beside:
                task.cancel()
            self._reset()

    async def drain(self) -> None:
        """Finishes what runs, within `drain_s`, commits it, and lets go of the rest.

        To be called when partitions are taken away, before the group goes on, and before the end. Records
        let go are delivered again, to whoever has their partition then.
        """
        if self._draining is None:
            self._draining = asyncio.create_task(self._drain())
        await asyncio.shield(self._draining)

    async def quiesce(self) -> None:
        """Takes no more, and drains while still a healthy member of the group: before the app is stopped."""
        self._closing = True
        self._room.set()
        await self.drain()
        await asyncio.gather(self._dependency.stop(), self._supply.stop())
        self._stopped = True

    # In

    def _takes(self, generation: int) -> bool:
        return not self._closing and self._draining is None and self._member.live(generation)

    async def _until_room(self, generation: int) -> None:
        while self._full_up() and self._takes(generation):
            self._room.clear()
            await self._room.wait()

    def _full_up(self) -> bool:
        return self._pending >= self._settings.max_pending or self._bytes >= self._settings.max_pending_bytes

    def _accept(self, record: Record, generation: int) -> None:
        self._enter(generation)
        partition = Partition(record.topic, record.partition)
        window = self._windows.setdefault(partition, Window())
        slot: Slot[Item, Outcome] = Slot(
            record, window.accept(record.offset, record.timestamp), self._epoch, record.size
        )
        self._pending += 1
        self._bytes += slot.size
        if partition in self._lanes or self._work.fetch(record) is not None:
            self._lanes.put(partition, Part(slot, 0, None, unread=True))
        else:
            self._line_up(slot)
        if len(window) >= self._settings.window or self._held_up(partition):
            self._full.add(partition)
            self._member.pause(partition)
        self._dispatch()

    def _enter(self, generation: int) -> None:
        if generation != self._generation:
            self._reset()
            self._generation = generation

    def _line_up(self, slot: Slot[Item, Outcome]) -> None:
        for key, part in self._take_apart(slot):
            self._lanes.put(key, part)

    def _take_apart(self, slot: Slot[Item, Outcome]) -> list[tuple[Hashable, Part[Item, Outcome]]]:
        try:
            prepared = self._work.prepare(slot.record)
        except Misconfigured as error:
            self._member.crash(error)
            return []
        except Rejected as error:
            slot.ended = [Ended(None, error)]
        except Exception as error:  # noqa: BLE001 - it is pure: another try would end the same
            refused = Rejected(f"preparing it raised {type(error).__name__}", code="failed")
            slot.ended = [Ended(None, refused)]
            raised("preparing a record", error)
        else:
            slot.left = len(prepared)
            slot.ended = [None] * slot.left
            if prepared:
                return [(key, Part(slot, index, item)) for index, (key, item) in enumerate(prepared)]
        return [((slot.partition, slot.entry.offset), Part(slot, 0, None))]

    # Through

    def _dispatch(self) -> None:
        while len(self._running) < self._settings.slots:
            taken = self._lanes.take()
            if taken is None:
                break
            task = asyncio.create_task(self._run(*taken))
            self._running.add(task)
            task.add_done_callback(self._ended)
        if not self._running:
            self._quiet.set()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._member.crash(error)
        self._room.set()
        self._dispatch()

    async def _run(self, key: Hashable, waiting: list[Part[Item, Outcome]]) -> None:
        epoch = self._epoch
        try:
            await self._handle(key, waiting)
        except BaseException:
            if epoch == self._epoch:
                self._lanes.abandon(key)
            raise
        if epoch == self._epoch:
            self._lanes.release(key)
            self._resume(key)

    async def _handle(self, key: Hashable, waiting: list[Part[Item, Outcome]]) -> None:
        """Handles the first of a line, or the one that stands for several, and returns the rest to it."""
        if waiting[0].unread:
            self._lanes.put_back(key, waiting[1:])
            await self._read(waiting[0].slot)
            return
        items = [part.item for part in waiting if part.item is not None]
        if waiting[0].item is None:
            self._lanes.put_back(key, waiting[1:])
            waiting[0].slot.entry.begun = True
            await self._conclude(waiting[0].slot)
            return
        chosen = self._work.combine(items)
        group, rest = waiting[: chosen.length], waiting[chosen.length :]
        self._lanes.put_back(key, rest)
        winner, item = group[chosen.winner], items[chosen.winner]
        for part in group:
            part.slot.entry.begun = True
        tried = await self._attempts(lambda: self._work.handle(item))
        if isinstance(tried.outcome, Rejected):
            # It can't stand for the others: each of them counts again.
            self._lanes.put_back(key, [part for part in group if part is not winner])
            group = [winner]
        for part in group:
            outcome = tried.outcome if part is winner else self._superseded(part)
            if part.slot.settle(part, outcome, tried.attempts):
                await self._conclude(part.slot)

    async def _read(self, slot: Slot[Item, Outcome]) -> None:
        """Fetches what the record needs, then takes it apart; those behind it in its partition wait."""
        while (fetch := self._work.fetch(slot.record)) is not None:
            tried = await self._fetched(fetch)
            if isinstance(tried.outcome, Rejected):
                slot.ended, slot.attempts = [Ended(None, tried.outcome)], tried.attempts
                slot.entry.begun = True
                await self._conclude(slot)
                return
        if slot.epoch == self._epoch:
            self._line_up(slot)

    async def _fetched(self, fetch: Fetch) -> Tried[None]:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine runs in a task
        self._fetching.add(task)
        try:
            return await self._fetches(fetch)
        finally:
            self._fetching.discard(task)

    def _superseded(self, part: Part[Item, Outcome]) -> Outcome:
        assert part.item is not None  # noqa: S101 - only parts with an item are combined
        return self._work.superseded(part.item)

    async def _conclude(self, slot: Slot[Item, Outcome]) -> None:
        ended = [end for end in slot.ended if end is not None]
        error = next((end.outcome for end in ended if isinstance(end.outcome, Rejected)), None)
        if error is not None:
            await self._dead.bury(slot.record, error, attempts=max(slot.attempts, 1))
            self._observe(Observed("dead_letters", labels={"pump": self._settings.name, "code": error.code}))
        await self._work.conclude(slot.record, ended)
        self._finish(slot)

    # Out

    def _finish(self, slot: Slot[Item, Outcome]) -> None:
        if slot.epoch != self._epoch:
            return
        self._pending -= 1
        self._bytes -= slot.size
        partition = slot.partition
        window = self._windows[partition]
        upto = window.finish(slot.entry)
        if upto is not None:
            self._commits.note(partition, upto)
        if (
            partition in self._full
            and len(window) <= self._settings.window // 2
            and not self._held_up(partition)
        ):
            self._full.discard(partition)
            self._member.resume(partition)
        dead = any(end is not None and isinstance(end.outcome, Rejected) for end in slot.ended)
        labels = {"pump": self._settings.name, "outcome": "dead" if dead else "done"}
        self._observe(Observed("records", labels=labels))

    async def _pass_markers(self) -> None:
        """Notes partitions that end in what is not for us as read to their end, until it is cancelled.

        Who waits for an offset there would wait for the next record, otherwise.
        """
        while True:
            await asyncio.sleep(PASS_S)
            generation, read = self._member.read_upto()
            if self._takes(generation):
                self._enter(generation)
                for partition, (delivered, upto) in read.items():
                    self._pass(partition, delivered, upto)

    def _pass(self, partition: Partition, delivered: int | None, upto: int) -> None:
        window = self._windows.setdefault(partition, Window())
        if delivered == window.accepted and not len(window) and upto > window.passed:
            window.passed = upto
            self._commits.note(partition, upto)

    def _held_up(self, partition: Partition) -> bool:
        """Whether the partition waits, so that it is fetched no further.

        For a fetch at once, not only where that turns out to be down: what comes in meanwhile would take
        the room of the other partitions' records for as long as the outage lasts.
        """
        return self._dependency.down or partition in self._lanes

    def _on_dependency(self) -> None:
        """Pauses what is held up by an outage, and resumes it; the worker keeps its place in the group."""
        for partition in self._member.assigned():
            if self._held_up(partition):
                self._full.add(partition)
                self._member.pause(partition)
        for partition in list(self._full):
            self._resume(partition)

    def _resume(self, key: Hashable) -> None:
        """Has a partition fetched again that was held up, unless it is still, or its window is taken."""
        for partition in self._full & {key}:
            if not self._held_up(partition) and (
                len(self._windows.get(partition, ())) < self._settings.window
            ):
                self._full.discard(partition)
                self._member.resume(partition)

    # Letting go

    async def _drain(self) -> None:
        try:
            self._trim()
            await self._until_quiet(self._settings.drain_s)
            left = self._let_go()
            await self._flush()
            self._forget()
            if left:
                await asyncio.wait(left, timeout=LET_GO_S)
        finally:
            self._draining = None
            self._room.set()

    def _trim(self) -> None:
        """Drops what only waits, but for what keeps something finished from being committed."""
        holes = {entry for window in self._windows.values() for entry in window.holes()}
        self._lanes.keep(lambda part: part.slot.entry in holes)
        self._dispatch()

    async def _until_quiet(self, limit_s: float) -> None:
        """Waits until nothing runs. What only waits, or fetches, is cancelled: no work is lost by it."""
        try:
            async with asyncio.timeout(limit_s):
                while self._running:
                    for task in (self._attempts.sleeping | self._fetching) & self._running:
                        task.cancel()
                    self._quiet.clear()
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self._quiet.wait(), LOOK_AGAIN_S)
        except TimeoutError:
            logger.warning("%d handlers are cancelled after %g s", len(self._running), limit_s)

    def _let_go(self) -> set[asyncio.Task[None]]:
        self._epoch += 1
        self._lanes.clear()
        for task in self._running:
            task.cancel()
        return set(self._running)

    async def _flush(self) -> None:
        try:
            async with asyncio.timeout(self._settings.drain_s):
                await self._commits.flush()
        except Exception as error:  # noqa: BLE001 - what is not committed is delivered again
            logger.warning("offsets could not be committed, some records will come again: %r", error)

    def _forget(self) -> None:
        self._commits.forget()
        self._windows.clear()
        self._full.clear()
        self._pending = self._bytes = 0
        self._generation = None

    def _reset(self) -> None:
        self._let_go()
        self._forget()
        self._room.set()
