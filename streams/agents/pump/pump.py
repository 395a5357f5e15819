"""The pump: records in, handled in order per key and side by side across keys, acknowledged in order.

Faust's own acknowledgement loses records. Here, a record is committed only when it and all before it in its
partition are finished, and finished means done, or written as a dead letter. What fails because a
dependency is down waits for it. A record that needs something fetched before it can be taken apart holds
up its partition, whose documents it may be about, and no other.

This module lets records in and out. `handling` is what is done with one, `running` what is done one by one,
`scheduler` how much at a time, `standstill` whether anything comes of it, `positions` what may be committed,
`pauses` and `load` what is not taken in yet, `place` whether records are still ours.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Mapping
from functools import partial
from typing import Generic, Literal, TypeVar

from streams.agents.pump.attempts import Attempts, Patience
from streams.agents.pump.backoff import ASKED_MAX_S, Backoff, Random
from streams.agents.pump.commits import Commits
from streams.agents.pump.delivery import DeadLetters, Delivery, Produce
from streams.agents.pump.dependency import Canary, Dependency
from streams.agents.pump.handling import Again, Handling, as_it_is
from streams.agents.pump.lanes import Lanes
from streams.agents.pump.lease import Lease
from streams.agents.pump.load import Load
from streams.agents.pump.membership import Membership, Partition
from streams.agents.pump.pauses import Pauses, Shut, no_help
from streams.agents.pump.place import Place
from streams.agents.pump.positions import Behind, Positions
from streams.agents.pump.running import Running
from streams.agents.pump.scheduler import Scheduler
from streams.agents.pump.slots import Part, Slot
from streams.agents.pump.standstill import Standstill
from streams.agents.pump.turn import Turn
from streams.agents.pump.work import PumpSettings, Work
from streams.errors import Rejected
from streams.messages.records import Record
from streams.ports import Monotonic, Now, Observed, Observer, unobserved

logger = logging.getLogger(__name__)

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")
State = Literal["starting", "running", "waiting", "stuck", "draining", "stopped"]

LET_GO_S = 1.0
"""What a cancelled handler is given to end."""
TURN_S = 0.005
"""For how long records are taken before others have their turn."""
PASS_S = 0.2
"""How often it is looked whether a partition is read further than its last record."""


class Pump(Generic[Item, Outcome]):
    """Drives one `Work` with the records of one consumer group.

    `again` gives a record whole of which `Work.keep` kept little; `shut` is told which record a partition
    that is read no further waits for.
    """

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
        again: Again = as_it_is,
        shut: Shut = no_help,
        monotonic: Monotonic = time.monotonic,
    ) -> None:
        self._member, self._settings, self._observe = member, settings, observe
        self._commits = Commits(member.commit, interval_s=settings.commit_interval_s)
        self._lease = Lease(settings.freeze_s, monotonic)
        self._positions = Positions(self._commits)
        self._place = Place(member, self._commits, self._positions, self._lease)
        self._load = Load(settings.max_pending, settings.max_pending_bytes)
        self._lanes: Lanes[Part[Item, Outcome]] = Lanes()
        self._pauses = Pauses(member, self._positions, settings.window, self._held_up, shut)
        backoff = Backoff(settings.backoff_s, settings.backoff_max_s, random)
        deliver = Delivery.of(produce, settings, random)
        dead = DeadLetters(
            deliver,
            now,
            topic=settings.dead_topic,
            retry_topics=settings.retry_topics,
            max_bytes=settings.max_bytes,
        )
        self._dependency = self._gate(canary, backoff)
        self._supply = self._gate(supply or canary, backoff)
        self._standstill = Standstill(
            settings.handle_limit_s + settings.canary_limit_s + ASKED_MAX_S,
            due=self._due,
            first=self._positions.next_to_finish,
        )
        patience = Patience(settings.poison_after, settings.failed_after, settings.handle_limit_s)
        self._scheduler = Scheduler(settings.slots, self._begin)
        fetching = Scheduler(settings.slots)
        self._handling = Handling(
            work, self._lanes,
            Attempts(
                self._dependency, patience, backoff, observe, settings.name,
                scheduler=self._scheduler, stirred=self._standstill.stirred,
            ),
            Attempts(
                self._supply, patience, backoff, observe, settings.name,
                scheduler=fetching, stirred=self._standstill.stirred,
            ),
            dead, scheduler=self._scheduler, fetching=fetching,
            current=self._current, again=again, finish=self._finish, crash=member.crash,
            observe=observe, name=settings.name,
        )  # fmt: skip
        self._running = Running(
            self._lanes, self._scheduler, self._handling,
            released=self._pauses.released, ended=self._load.look_again, crash=member.crash,
        )  # fmt: skip
        self._started = self._closing = self._stopped = False
        self._draining: asyncio.Task[None] | None = None

    def _gate(self, canary: Canary, backoff: Backoff) -> Dependency:
        return Dependency(
            canary,
            limit_s=self._settings.canary_limit_s,
            backoff=backoff,
            changed=self._pauses.on_dependency,
            misconfigured=self._member.crash,
        )

    # What the rest of the worker sees

    @property
    def state(self) -> State:
        """`running` is ready; `waiting`: a dependency is down, nothing is lost, nothing goes on.

        `stuck`: nothing goes on either, and nobody knows why.
        """
        if self._stopped:
            return "stopped"
        if self._closing or self._draining is not None:
            return "draining"
        if self._dependency.down or self._supply.down:
            return "waiting"
        if self._standstill.problem is not None:
            return "stuck"
        return "running" if self._started else "starting"

    @property
    def problem(self) -> str | None:
        """Why it is `waiting`, or `stuck`, else None."""
        down = [gate for gate in (self._dependency, self._supply) if gate.down]
        return down[0].problem if down else self._standstill.problem

    @property
    def pending(self) -> int:
        """Records accepted and not yet finished."""
        return self._load.records

    @property
    def oldest(self) -> int | None:
        """Kafka's timestamp (ms) of the oldest record that is accepted and not finished; None without any."""
        return self._positions.oldest

    async def behind(self) -> Mapping[Partition, Behind] | None:
        """How far each of our partitions is behind; None where that can't be told now."""
        unread = await self._member.unread()
        return None if unread is None else self._positions.behind(unread)

    def has_room(self) -> bool:
        """Whether more records are taken now; as many as come at once may follow the last that fits."""
        return not self._load.full

    async def in_place(self) -> None:
        """Returns while records that are handled now are ours alone; for a handler, before what counts once.

        A process that was frozen asks its group first, by a commit, as others may have its partitions by
        now. Where they have, it doesn't return, and is cancelled with its handler. Raises `Retryable`
        should that not happen.
        """
        await self._place.confirm(self._scheduler.without)

    async def consume(self, deliveries: AsyncIterator[tuple[Record, int]]) -> None:
        """Works on records as they are delivered, each with its generation, until there are no more."""
        self._reset()
        beside = [
            asyncio.create_task(one())
            for one in (self._commits.run, self._lease.run, self._pass_markers, self._standstill.run)
        ]
        self._started = True
        turn = Turn(TURN_S)
        try:
            async for record, generation in deliveries:
                await self._load.room(partial(self._takes, generation))
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
        self._load.look_again()
        await self.drain()
        await asyncio.gather(self._dependency.stop(), self._supply.stop())
        self._stopped = True

    # In

    def _takes(self, generation: int) -> bool:
        return not self._closing and self._draining is None and self._member.live(generation)

    def _accept(self, record: Record, generation: int) -> None:
        self._enter(generation)
        entry = self._positions.accept(record)
        slot: Slot[Item, Outcome] = Slot(record, entry, self._running.epoch, record.held)
        self._handling.accept(slot)
        self._load.add(slot.size)
        self._pauses.filled(slot.partition)
        self._scheduler.dispatch()

    def _enter(self, generation: int) -> None:
        if generation != self._place.generation:
            self._reset()
            self._place.generation = generation

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
                    self._positions.read_to_the_end(partition, delivered, upto)

    def _held_up(self, partition: Partition) -> bool:
        """Whether the partition waits, so that it is fetched no further.

        For a fetch at once, not only where that turns out to be down: what comes in meanwhile would take
        the room of the other partitions' records for as long as the outage lasts.
        """
        return self._dependency.down or partition in self._lanes

    # Out

    def _begin(self) -> asyncio.Task[None] | None:
        return self._running.begin()

    def _due(self) -> bool:
        """Whether something should come of the records at hand: there are some, and nothing holds them up."""
        down = self._dependency.down or self._supply.down
        return self._load.records > 0 and self._draining is None and not down

    def _current(self, slot: Slot[Item, Outcome]) -> bool:
        return self._running.current(slot)

    def _finish(self, slot: Slot[Item, Outcome]) -> None:
        if not self._current(slot):
            return
        self._load.remove(slot.size)
        self._standstill.stirred()
        self._positions.finish(slot.partition, slot.entry)
        self._pauses.eased(slot.partition)
        dead = any(end is not None and isinstance(end.outcome, Rejected) for end in slot.ended)
        labels = {"pump": self._settings.name, "outcome": "dead" if dead else "done"}
        self._observe(Observed("records", labels=labels))

    async def _drain(self) -> None:
        try:
            self._running.trim(self._positions.holes())
            await self._running.until_quiet(self._settings.drain_s)
            left = self._running.let_go()
            await self._flush()
            self._forget()
            if left:
                await asyncio.wait(left, timeout=LET_GO_S)
        finally:
            self._draining = None
            self._load.look_again()

    async def _flush(self) -> None:
        try:
            async with asyncio.timeout(self._settings.drain_s):
                await self._commits.flush()
        except Exception as error:  # noqa: BLE001 - what is not committed is delivered again
            logger.warning("offsets could not be committed, some records will come again: %r", error)

    def _forget(self) -> None:
        self._positions.forget()
        self._pauses.forget()
        self._load.clear()
        self._place.generation = None

    def _reset(self) -> None:
        self._running.let_go()
        self._forget()
        self._load.look_again()
