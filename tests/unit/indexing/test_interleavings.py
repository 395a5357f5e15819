"""Every way in which two appliers, a vacuum, a crash and a clock can come between one another.

The real coroutines are driven step by step through all schedules; a state that was met before is not
walked again. Time moves only as the schedule says: past the lease, or past the grace, wherever it is most
inconvenient. A process is *frozen* where that happens between its look at the clock and the write that
this look was for. One may be; that two are, or that one is and is then killed before it has looked after
what it wrote, is more than the design promises to stand.
"""

from __future__ import annotations

import asyncio
import gc
import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from streams.indexing.cutting.cut import HereCutter
from streams.indexing.indexer import Indexer
from streams.indexing.vacuum.bury import Burial
from streams.indexing.vacuum.vacuum import Vacuum
from streams.messages.changes import Change, Document, Truncation
from streams.messages.floors import below
from streams.messages.held import Head
from streams.messages.records import Offset
from tests.unit.indexing.memory_of import Ages, head_at, memory
from tests.unit.indexing.memory_store import MemoryStore
from tests.unit.indexing.stepping import (
    CHUNKING,
    Clock,
    HashEmbedder,
    Process,
    SteppedStore,
    as_it_is,
    paragraphs,
)

LEASE_S, GRACE_S = 30.0, 120.0
JUMPS = (31.0, 121.0)
CHECKED_BEFORE = frozenset({"write_heads", "delete_passages", "delete_heads"})
"""Calls that a look at the clock comes right before."""

WRITES = CHECKED_BEFORE | {"write_passages"}
"""Calls that a crash may come after; a crash after a read is one before it."""

VACUUM = "vacuum"


def change(
    offset: int,
    text: str | None,
    tenant: str = "t",
    readers: tuple[str, ...] = ("*",),
    *,
    timed: bool = True,
) -> Change:
    document = None if text is None else Document(tenant=tenant, id="d", text=text, readers=readers)
    time = offset if timed else None
    return Change("s", "k", place(offset), timestamp=offset, document=document, time=time)


def truncation(offset: int) -> Truncation:
    return Truncation("s", place(offset), timestamp=offset, time=offset)


def place(offset: int) -> Offset:
    return Offset(topic="docs", partition=0, offset=offset)


KEY, FLOOR = change(0, None).key, truncation(0).key


@dataclass(frozen=True)
class Walk:
    """What takes part, and which of the safeguards are in place."""

    history: tuple[Change | Truncation, ...]
    appliers: tuple[Change | Truncation, ...]
    vacuums: int = 2
    jumps: int = 2
    crashes: int = 1
    freezes: int = 1
    lease_s: float = LEASE_S
    grace_s: float = GRACE_S
    trusted_age: timedelta = timedelta(days=1)
    knows_born: bool = True
    repairs: bool = True
    knows_floors: bool = True
    hides_below: bool = True
    buries_at_once: bool = False

    @property
    def truncates(self) -> bool:
        return any(isinstance(one, Truncation) for one in (*self.history, *self.appliers))


@dataclass
class World:
    """One run of a walk, up to where its schedule has come."""

    walk: Walk
    store: MemoryStore
    clock: Clock = field(default_factory=Clock)
    processes: dict[str, Process] = field(default_factory=dict)
    jumps: int = 0
    crashed: tuple[str, ...] = ()
    frozen: frozenset[str] = frozenset()
    memories: dict[str, object] = field(default_factory=dict)
    ages: Ages = field(init=False)

    def __post_init__(self) -> None:
        self.ages = Ages(self.walk.lease_s, self.walk.grace_s, self.walk.trusted_age.total_seconds())

    def start(self, name: str) -> None:
        store = SteppedStore(
            self.store,
            self.clock,
            knows_born=self.walk.knows_born,
            knows_floors=self.walk.knows_floors or name == VACUUM,
            wrote=self.ages.wrote,
        )
        run = self._vacuum(store) if name == VACUUM else self._apply(store, self.walk.appliers[int(name)])
        self.processes[name] = Process(run)

    async def _apply(self, store, change_):
        indexer = Indexer(
            store,
            HashEmbedder(),
            cutter=HereCutter(as_it_is, paragraphs),
            chunking=CHUNKING,
            now=self.clock.now,
            monotonic=self.clock.monotonic,
            sleep=store.sleep,
            lease_s=self.walk.lease_s,
        )
        if not self.walk.repairs:
            indexer._repair = _repairs_nothing
        return await indexer.apply(change_)

    async def _vacuum(self, store):
        vacuum = Vacuum(
            store,
            now=self.clock.now,
            monotonic=self.clock.monotonic,
            grace=timedelta(seconds=self.walk.grace_s),
            lease_s=self.walk.lease_s,
            trusted_age=self.walk.trusted_age,
        )
        burial = Burial(store, now=self.clock.now)
        for _ in range(self.walk.vacuums):
            await store.sleep(0)
            if self.walk.buries_at_once and (there := (await store.heads([FLOOR])).get(FLOOR)):
                await burial.bury([KEY], there[0])
            for floor in (await vacuum.settle([FLOOR]))[FLOOR].floors if self.walk.truncates else ():
                await burial.bury([KEY], floor)
            await vacuum.settle([KEY])

    def choices(self) -> Iterator[tuple[str, object]]:
        for name, process in self.processes.items():
            if process.may_step(self.clock):
                yield "step", name
        going = [name for name, process in self.processes.items() if process.at is not None]
        if going and self.jumps < self.walk.jumps:
            for seconds in JUMPS:
                if len(self._frozen_by_a_jump()) <= self.walk.freezes:
                    yield "jump", seconds
        elif going and not any(self.processes[name].may_step(self.clock) for name in going):
            yield "jump", JUMPS[0]
        if len(self.crashed) < self.walk.crashes:
            for name in going:
                if self.processes[name].last in WRITES and name not in self.frozen:
                    yield "crash", name

    def take(self, choice: tuple[str, object]) -> None:
        kind, what = choice
        if kind == "step":
            self.processes[what].step()
            self.memories.pop(what, None)
        elif kind == "jump":
            self.frozen = self._frozen_by_a_jump()
            self.clock.t += what
            self.memories.clear()
            self.jumps += 1
        else:
            self.processes[what].crash()
            self.crashed = (*self.crashed, what)
            self.start(what)
            self.memories.pop(what, None)

    def _frozen_by_a_jump(self) -> frozenset[str]:
        return self.frozen | {
            name
            for name, process in self.processes.items()
            if process.at is not None and process.at.name in CHECKED_BEFORE
        }

    def state(self) -> object:
        """All that what comes next depends on."""
        ages = self.ages
        ages.now = self.clock.t
        heads = [head_at(head, ages) for heads in self.store.all_heads.values() for head in heads.values()]
        for name, process in self.processes.items():
            if name not in self.memories:
                after = process.at and max(0.0, process.at.after - self.clock.t)
                self.memories[name] = (after, memory(process.coroutine, ages))
        held = frozenset(id_.int for _tenant, id_ in self.store.held)
        known = tuple(self.memories[name] for name in self.processes)
        return (self.jumps, self.crashed, self.frozen, held, frozenset(heads), known)

    def over(self) -> bool:
        return all(process.at is None for process in self.processes.values())

    def lost(self) -> str | None:
        """What the document lists and the store does not have."""
        head = self.shown()
        if head is None:
            return None if self.walk.truncates else "the document is gone"
        missing = [entry for entry in head.passages if (head.tenant, entry.id) not in self.store.held]
        return f"{len(missing)} passages of {head.position.offset}" if missing else None

    def shown(self) -> Head | None:
        """The document as retrieval sees it: nothing below its source's floor."""
        head, floor = self.store.current(KEY), self.store.current(FLOOR)
        hidden = self.walk.hides_below and head is not None and floor is not None and below(head, floor)
        return None if hidden else head


async def _repairs_nothing(_document, _head):
    """The indexer that does not look again."""


@dataclass(frozen=True)
class Found:
    states: int
    ends: int
    loss: str | None = None
    schedule: tuple[tuple[str, object], ...] = ()


def explore(walk: Walk) -> Found:
    """Walks through all schedules, depth first; stops at the first loss."""
    initial = asyncio.run(_after(walk.history))
    visited: set[object] = set()
    ends: set[object] = set()
    pending: list[tuple[tuple[str, object], ...]] = [()]
    while pending:
        schedule = pending.pop()
        world = _replayed(walk, initial, schedule)
        while True:
            state = world.state()
            if state in visited:
                break
            visited.add(state)
            loss = world.lost()
            if loss and (world.over() or not world.frozen):
                return Found(len(visited), len(ends), loss, schedule)
            if world.over():
                ends.add(state)
                if wrong := _wrong_in_the_end(world):
                    return Found(len(visited), len(ends), wrong, schedule)
                break
            first, *others = world.choices()
            pending += [(*schedule, other) for other in others]
            schedule = (*schedule, first)
            world.take(first)
    return Found(len(visited), len(ends))


async def _after(history: tuple[Change, ...]) -> MemoryStore:
    store, clock = MemoryStore(), Clock()
    clock.t = -1000.0
    indexer = Indexer(
        store,
        HashEmbedder(),
        cutter=HereCutter(as_it_is, paragraphs),
        chunking=CHUNKING,
        now=clock.now,
        monotonic=clock.monotonic,
    )
    for one in history:
        await indexer.apply(one)
    return store


def _replayed(walk: Walk, initial: MemoryStore, schedule: tuple[tuple[str, object], ...]) -> World:
    store = MemoryStore()
    store.held = dict(initial.held)
    store.all_heads = {key: dict(heads) for key, heads in initial.all_heads.items()}
    world = World(walk, store)
    for name in [*(str(index) for index in range(len(walk.appliers))), VACUUM]:
        world.start(name)
    for choice in schedule:
        world.take(choice)
    return world


def _wrong_in_the_end(world: World) -> str | None:
    """What is not as the highest change says: it is the document, all of it, or took all of it."""
    latest = max((*world.walk.history, *world.walk.appliers), key=lambda one: one.at.offset)
    head = world.shown()
    if isinstance(latest, Truncation):
        return None if head is None or head.deleted else f"{head.offset} is shown in spite of the truncation"
    if head is None or head.offset != latest.at.offset or head.deleted != (latest.document is None):
        return f"{head and head.offset} is shown instead of {latest.at.offset}"
    if latest.document is not None:
        shown = [world.store.held[head.tenant, entry.id].text for entry in head.passages]
        assert shown == [piece for piece in latest.document.text.split("\n\n") if piece]
    return None


EDITS = Walk(history=(change(4, "a\n\nb"),), appliers=(change(5, "a\n\nc"), change(6, "b\n\nd")))
REMOVALS = Walk(history=(change(4, "a\n\nb\n\nc"),), appliers=(change(5, "a"), change(6, "a\n\nb")))
DELETION = Walk(history=(change(4, "a\n\nb"),), appliers=(change(5, None), change(6, "a\n\nb")))
MOVE = Walk(
    history=(change(4, "a\n\nb"),),
    appliers=(change(5, "a\n\nb", tenant="u"), change(6, "a\n\nb", readers=("g",))),
)
REFILL = Walk(history=(change(4, "a\n\nb"),), appliers=(truncation(5), change(6, "a\n\nc")))
TRUNCATION = Walk(history=(change(4, "a\n\nb"),), appliers=(change(5, "a\n\nc"), truncation(6)))
REREAD = Walk(history=(change(4, "a\n\nb"),), appliers=(truncation(5), change(6, "a\n\nc", timed=False)))
LATE = Walk(history=(change(6, "a\n\nb", timed=False), truncation(5)), appliers=(change(4, "a\n\nc"),))
TIMELESS = Walk(history=(change(4, "a\n\nb"), truncation(5)), appliers=(change(6, "a\n\nc", timed=False),))


@pytest.fixture(autouse=True)
def _no_garbage_collection():
    """A walk keeps all that it makes: to look for what it let go takes longer than the walk."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize(
    ("walk", "at_least"),
    [
        pytest.param(replace(EDITS, jumps=1, crashes=1), 4500, id="two edits, a vacuum and a crash"),
        pytest.param(replace(REMOVALS, jumps=2, crashes=0), 3500, id="two removals and a long freeze"),
        pytest.param(replace(DELETION, jumps=1, crashes=1), 1000, id="a deletion, a re-creation, a crash"),
        pytest.param(replace(MOVE, jumps=1, crashes=0), 1000, id="a move and a change of readers"),
        pytest.param(replace(REFILL, jumps=2, crashes=0, vacuums=3), 5000, id="a truncation, swept"),
        pytest.param(replace(REFILL, jumps=1, crashes=1), 1000, id="a truncation, a re-creation, a crash"),
        pytest.param(replace(TRUNCATION, jumps=1, crashes=1), 1000, id="an edit, a truncation, a crash"),
        pytest.param(replace(REREAD, jumps=1, crashes=1), 1000, id="a truncation, a snapshot, a crash"),
        pytest.param(replace(TIMELESS, jumps=1, crashes=0), 300, id="a change that has its floor's time"),
        pytest.param(replace(LATE, jumps=2, vacuums=3), 300, id="a change from before the truncation"),
    ],
)
def test_no_order_of_steps_loses_a_passage(walk, at_least):
    found = explore(walk)
    assert not found.loss, found
    assert found.states > at_least, "the walk is shorter than it was: does it still go everywhere?"


def test_without_the_grace_a_passage_is_lost():
    assert explore(replace(EDITS, grace_s=0.0, jumps=0, crashes=0)).loss


def test_without_the_lease_a_passage_is_lost():
    assert explore(replace(EDITS, lease_s=math.inf, jumps=1, crashes=0, freezes=0)).loss


def test_without_born_a_passage_is_lost():
    assert explore(replace(EDITS, knows_born=False, jumps=1, crashes=0, freezes=0)).loss


def test_where_a_frozen_applier_does_not_look_again_a_passage_is_lost():
    assert explore(replace(EDITS, repairs=False, jumps=1, crashes=0)).loss


def test_where_the_grace_counts_from_a_heads_own_stamp_a_freeze_loses_a_passage():
    stamped = replace(EDITS, trusted_age=timedelta(seconds=GRACE_S), jumps=1, crashes=0)
    assert explore(stamped).loss


def test_where_a_burial_does_not_wait_what_a_snapshot_read_after_the_truncation_is_lost():
    assert explore(replace(REREAD, buries_at_once=True, jumps=0, crashes=0)).loss


def test_without_the_floors_check_in_retrieval_what_was_truncated_is_shown():
    assert explore(replace(TRUNCATION, hides_below=False, jumps=0, crashes=0)).loss


def test_without_the_floors_check_in_the_indexer_a_late_change_hides_what_came_after_the_truncation():
    assert explore(replace(LATE, knows_floors=False, jumps=0, crashes=0)).loss
