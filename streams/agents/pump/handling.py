"""Handling: a record taken apart into lines, the parts of a line handled, the record concluded."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Generic, TypeVar

from streams.agents.pump.attempts import Attempts, Tried, raised
from streams.agents.pump.delivery import DeadLetters
from streams.agents.pump.lanes import Lanes
from streams.agents.pump.scheduler import Scheduler
from streams.agents.pump.slots import Part, Slot
from streams.agents.pump.work import Ended, Fetch, Work
from streams.errors import Misconfigured, Rejected
from streams.messages.records import Record
from streams.ports import Observed, Observer

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")

Again = Callable[[Record], Awaitable[Record]]
"""The record as it stands in Kafka, which is waited for; itself where it is gone."""


async def as_it_is(record: Record) -> Record:
    """For work that keeps records whole."""
    return record


class Handling(Generic[Item, Outcome]):
    """Does `work` with the records that are lined up in `lanes`.

    `attempts` try what is handled, by the slots of `scheduler`; `fetches` what is fetched, by those of
    `fetching`, as nobody else waits for it. `current` says whether a record was not let go meanwhile;
    `again` gives one whole of which little was kept, `finish` is called with each that is concluded; what a
    person must mend goes to `crash`.
    """

    def __init__(
        self,
        work: Work[Item, Outcome],
        lanes: Lanes[Part[Item, Outcome]],
        attempts: Attempts,
        fetches: Attempts,
        dead: DeadLetters,
        *,
        scheduler: Scheduler,
        fetching: Scheduler,
        current: Callable[[Slot[Item, Outcome]], bool],
        again: Again,
        finish: Callable[[Slot[Item, Outcome]], None],
        crash: Callable[[BaseException], None],
        observe: Observer,
        name: str,
    ) -> None:
        self._work, self._lanes, self._attempts, self._fetches = work, lanes, attempts, fetches
        self._dead, self._current, self._finish, self._crash = dead, current, finish, crash
        self._observe, self._name, self._again = observe, name, again
        self._scheduler, self._fetching = scheduler, fetching

    def accept(self, slot: Slot[Item, Outcome]) -> None:
        """Lines a record up, whole where something must be fetched for it, or for one before it."""
        if slot.partition in self._lanes or self._work.fetch(slot.record) is not None:
            self._lanes.put(slot.partition, Part(slot, 0, None, unread=True))
        else:
            self._line_up(slot)

    def _line_up(self, slot: Slot[Item, Outcome]) -> None:
        for key, part in self._take_apart(slot):
            self._lanes.put(key, part)

    def _take_apart(self, slot: Slot[Item, Outcome]) -> list[tuple[Hashable, Part[Item, Outcome]]]:
        try:
            prepared = self._work.prepare(slot.record)
        except Misconfigured as error:
            self._crash(error)
            return []
        except Rejected as error:
            slot.ended = [Ended(None, error)]
        except Exception as error:  # noqa: BLE001 - it is pure: another try would end the same
            refused = Rejected(f"preparing it raised {type(error).__name__}", code="failed")
            slot.ended = [Ended(None, refused)]
            raised("preparing a record", error)
        else:
            kept = self._work.keep(slot.record, [item for _, item in prepared])
            slot.record, slot.size = kept.record, kept.size
            slot.left = len(prepared)
            slot.ended = [None] * slot.left
            if prepared:
                return [(key, Part(slot, index, item)) for index, (key, item) in enumerate(prepared)]
        return [((slot.partition, slot.entry.offset), Part(slot, 0, None))]

    async def __call__(self, key: Hashable, waiting: list[Part[Item, Outcome]]) -> None:
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
        if self._current(slot):
            self._line_up(slot)

    async def _fetched(self, fetch: Fetch) -> Tried[None]:
        self._scheduler.leave(aside=True)
        with self._fetching.joined():
            tried = await self._fetches(fetch)
        await self._scheduler.come()
        return tried

    def _superseded(self, part: Part[Item, Outcome]) -> Outcome:
        assert part.item is not None  # noqa: S101 - only parts with an item are combined
        return self._work.superseded(part.item)

    async def _conclude(self, slot: Slot[Item, Outcome]) -> None:
        ended = [end for end in slot.ended if end is not None]
        try:
            await self._delivered(slot, ended)
        except Rejected as error:
            # Whatever could be left out was left out: it is the topic that takes nothing, not the record.
            raise Misconfigured(
                f"what is to be written for {slot.record.at} is refused ({error}): give the topics that are"
                " written a max.message.bytes of 64 KiB at least",
                setting="STREAMS_TOPIC_MAX_MESSAGE_BYTES",
            ) from error
        self._finish(slot)

    async def _delivered(self, slot: Slot[Item, Outcome], ended: Sequence[Ended[Item, Outcome]]) -> None:
        error = next((end.outcome for end in ended if isinstance(end.outcome, Rejected)), None)
        if error is not None:
            record = await self._again(slot.record) if slot.record.dropped else slot.record
            await self._dead.bury(record, error, attempts=max(slot.attempts, 1), parts=slot.refused_in_part)
            self._observe(Observed("dead_letters", labels={"pump": self._name, "code": error.code}))
        await self._work.conclude(slot.record, ended)
