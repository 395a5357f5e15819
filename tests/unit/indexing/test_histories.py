"""Random histories of documents, applied by several indexers that crash and overtake one another.

After every single step of anyone, what a search could show is one state of the document that a plain
replay of the changes knows, whole: never a mixture, never what was deleted or taken from a reader.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streams.indexing.cutting.cut import HereCutter
from streams.indexing.indexer import Indexer
from streams.indexing.vacuum.bury import Burial
from streams.indexing.vacuum.vacuum import Vacuum
from streams.messages.changes import Change, Document, Truncation, document_key, floor_key
from streams.messages.floors import below
from streams.messages.records import Offset
from tests.unit.indexing.memory_store import MemoryStore
from tests.unit.indexing.replay import State, gone, replayed
from tests.unit.indexing.stepping import (
    CHUNKING,
    Clock,
    HashEmbedder,
    Process,
    SteppedStore,
    as_it_is,
    paragraphs,
    vector_of,
)

KEY, FLOOR = document_key("s", "k"), floor_key("s")
CHECKED_BEFORE = frozenset({"write_heads", "delete_passages", "delete_heads"})
DAY = 86_400.0

documents = st.builds(
    Document,
    tenant=st.sampled_from(["t", "u"]),
    id=st.sampled_from(["x", "y"]),
    text=st.lists(st.sampled_from("abcde"), max_size=5).map("\n\n".join),
    title=st.sampled_from([None, "T"]),
    url=st.sampled_from([None, "https://example.org"]),
    readers=st.sampled_from([("*",), ("g",), ("g", "h")]),
    metadata=st.sampled_from([(), ("k=v",)]),
)


@dataclass(frozen=True)
class Together:
    """Some processes at once. `turns`: who goes next, or the time that passes, or who crashes."""

    deliveries: tuple[int, ...]
    vacuum: bool
    turns: tuple[tuple[str, int], ...]


@st.composite
def changes(draw, records, *, truncated=False):
    """A log of one or two partitions: offsets rise, timestamps mostly do, times come and go.

    Where it holds truncations, no two partitions have a timestamp in common: which of two such records was
    first the design does not promise to know, and a sweep may decide it otherwise.
    """
    log, offsets, timestamp = [], [0, 0], 1000
    for _ in range(draw(st.integers(1, 7))):
        partition = draw(st.integers(0, 1)) if draw(st.booleans()) else 0
        timestamp = max(0, timestamp + draw(st.integers(-2, 5)))
        offsets[partition] += 1
        timed = draw(st.booleans())
        placed = {
            "source": "s",
            "at": Offset(topic="docs", partition=partition, offset=offsets[partition]),
            "timestamp": 2 * timestamp + partition if truncated else timestamp,
            "time": draw(st.integers(1, 4)) if timed else None,
            "order": draw(st.integers(1, 3)) if timed and draw(st.booleans()) else None,
        }
        if truncated and draw(st.integers(0, 3)) == 0:
            log.append(Truncation(**placed))
        else:
            document = draw(st.one_of(documents, documents, documents, st.none()))
            early = timed and draw(st.booleans())
            log.append(
                Change(record_key=draw(st.sampled_from(records)), document=document, early=early, **placed)
            )
    return log


turns = st.lists(
    st.one_of(
        st.tuples(st.just("step"), st.integers(0, 2)),
        st.tuples(st.just("step"), st.integers(0, 2)),
        st.tuples(st.just("step"), st.integers(0, 2)),
        st.tuples(st.just("pass"), st.sampled_from([1, 31, 121, 3700])),
        st.tuples(st.just("crash"), st.integers(0, 2)),
    ),
    max_size=24,
).map(tuple)


@st.composite
def histories(draw):
    log = draw(changes(["k"] if draw(st.booleans()) else ["k", "l"], truncated=draw(st.booleans())))
    delivered = st.lists(st.integers(0, len(log) - 1), max_size=2).map(tuple)
    blocks = draw(st.lists(st.builds(Together, delivered, st.booleans(), turns), max_size=8))
    return log, blocks


@dataclass
class Run:
    """A history under way: the store, the clock, and for each document and the floor what it is by now."""

    store: MemoryStore = field(default_factory=MemoryStore)
    clock: Clock = field(default_factory=Clock)
    states: dict = field(default_factory=dict)
    floor: State | None = None

    def __post_init__(self):
        self.stepped = SteppedStore(self.store, self.clock)
        self.embedder = HashEmbedder(stepped=True)
        self.vacuum = self.new_vacuum()

    def new_vacuum(self):
        return Vacuum(self.stepped, now=self.clock.now, monotonic=self.clock.monotonic)

    async def tidy(self):
        """All that a sweeper does: a round, and a pass over what is below the floors that it found."""
        burial = Burial(self.stepped, now=self.clock.now)
        for floor in (await self.vacuum.run()).floors:
            async for _ in burial(floor):
                pass

    def apply(self, change):
        """A process of another worker each time: nothing is shared but the store."""
        indexer = Indexer(
            self.stepped,
            self.embedder,
            cutter=HereCutter(as_it_is, paragraphs),
            chunking=CHUNKING,
            now=self.clock.now,
            monotonic=self.clock.monotonic,
            sleep=self.stepped.sleep,
        )
        return Process(indexer.apply(change))

    def together(self, block, log):
        """Everybody's steps in the order of the block's turns, then each to its end."""
        delivered = [log[index] for index in block.deliveries]
        possible = self._possible(delivered)
        processes = [self.apply(change) for change in delivered]
        if block.vacuum:
            processes.append(Process(self.tidy()))
        crashed = False
        for kind, what in block.turns:
            crashed |= self._take(kind, what, processes)
            self.check(possible)
        for process in processes:
            while process.at is not None:
                self.clock.t = max(self.clock.t, process.at.after)
                process.step()
                self.check(possible)
        self._settle_states(possible if crashed else self._all_applied(delivered))

    def _take(self, kind, what, processes):
        """One turn; whether somebody was lost in it. Nobody freezes: the walk of interleavings has that."""
        process = processes[what] if kind != "pass" and what < len(processes) else None
        if kind == "pass" and not any(p.at and p.at.name in CHECKED_BEFORE for p in processes):
            self.clock.t += what
        elif kind == "step" and process and process.may_step(self.clock):
            process.step()
        elif kind == "crash" and process and process.at is not None:
            process.crash()
            self.vacuum = self.new_vacuum()
            return True
        return False

    def _possible(self, delivered):
        """For each document, what it and the floor may be while these are applied, any of them maybe not."""
        orders = [order for n in range(len(delivered) + 1) for order in itertools.permutations(delivered, n)]
        return self._after(orders)

    def _all_applied(self, delivered):
        return self._after(list(itertools.permutations(delivered)))

    def _after(self, orders):
        keys = {*self.states, *(said.key for order in orders for said in order)}
        return {key: {self._replayed(key, order) for order in orders} for key in keys - {FLOOR}}

    def _replayed(self, key, order):
        """A document and the floor after these changes, one by one; nothing of what is below the floor."""
        state, floor = self.states.get(key), self.floor
        for said in order:
            if isinstance(said, Truncation):
                floor = replayed(floor, said)
            elif said.key == key:
                state = replayed(state, said, floor)
        return (None if state and gone(state, floor) else state, floor)

    def check(self, possible):
        """What a search could show now is the content of a possible state, for every tenant and reader."""
        for key, states in possible.items():
            for tenant, principals in itertools.product(("t", "u"), ((), ("g",), ("h",))):
                allowed = {_shown(state, tenant, principals) for state, _floor in states}
                assert self.visible(key, tenant, principals) in allowed

    def visible(self, key, tenant, principals):
        """Search, then the head check, as retrieval does it; in the document's order."""
        hits = {
            passage.id: passage
            for (of_tenant, _), passage in self.store.held.items()
            if of_tenant == tenant and passage.document_key == key
            if "*" in passage.readers or set(passage.readers) & set(principals)
        }
        head, floor = self.store.current(key), self.store.current(FLOOR)
        if head is None or head.tenant != tenant or not head.admits(principals):
            return ()
        if floor is not None and below(head, floor):
            return ()
        return tuple(
            (hits[entry.id].title, hits[entry.id].text, hits[entry.id].metadata)
            for entry in head.passages
            if entry.id in hits
        )

    def _settle_states(self, possible):
        """From here on, of what was possible, what is."""
        self.floor = self.held(FLOOR)
        for key, states in possible.items():
            held = self.held(key)
            assert (None if held and gone(held, self.floor) else held, self.floor) in states
            self.states[key] = held

    def held(self, key):
        """The document as the store has it."""
        head = self.store.current(key)
        if head is None:
            return None
        log = (head.topic, head.partition, head.offset)
        if head.deleted:
            return State(tuple(head.position), None, log, head.timed)
        passages = [self.store.held[head.tenant, entry.id] for entry in head.passages]
        assert all(passage.vector == vector_of(passage.text) for passage in passages)
        assert all(
            (passage.title, passage.readers, passage.metadata)
            == (head.title or "", head.readers, head.metadata)
            for passage in passages
        )
        document = Document(
            tenant=head.tenant,
            id=head.document_id,
            text="\n\n".join(passage.text for passage in passages),
            title=head.title,
            url=head.url,
            readers=head.readers,
            metadata=head.metadata,
        )
        return State(tuple(head.position), document, log, head.timed)


def _shown(state, tenant, principals):
    document = state and state.document
    if not document or document.tenant != tenant:
        return ()
    if "*" not in document.readers and not set(document.readers) & set(principals):
        return ()
    return tuple(
        (document.title or "", text, document.metadata) for text in document.text.split("\n\n") if text
    )


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(histories())
def test_what_can_be_retrieved_is_one_state_of_the_replayed_document_after_every_step(history):
    log, blocks = history
    run = Run()
    for block in blocks:
        run.together(block, log)
    for index in range(len(log)):
        run.together(Together((index,), vacuum=False, turns=()), log)
    live = {
        key: state
        for key, state in run.states.items()
        if state and state.document and not gone(state, run.floor)
    }
    _vacuum_after(run, 2 * DAY)
    assert all(len(heads) == 1 for heads in run.store.all_heads.values())
    assert all(
        passage.born > run.store.current(passage.document_key).position for passage in run.store.unlisted()
    )
    _vacuum_after(run, 46 * DAY)
    assert not run.store.unlisted()
    assert set(run.store.all_heads) == {*live, *([FLOOR] if run.floor else [])}
    assert {key: run.held(key) for key in live} == live


@settings(max_examples=150, deadline=None)
@given(st.booleans().flatmap(lambda truncated: changes(["k"], truncated=truncated)))
def test_changes_applied_in_order_end_where_a_plain_replay_ends(log):
    run, state, floor = Run(), None, None
    for said in log:
        process = run.apply(said)
        while process.at is not None:
            process.step()
        if isinstance(said, Truncation):
            floor = replayed(floor, said)
        else:
            state = replayed(state, said, floor)
        assert (run.held(KEY), run.held(FLOOR)) == (state, floor)


def _vacuum_after(run, seconds):
    """Four rounds: what one sees of heads and floors, the next may bury or drop."""
    for wait in (seconds, *[timedelta(minutes=3).total_seconds()] * 3):
        run.clock.t += wait
        process = Process(run.tidy())
        while process.at is not None:
            process.step()
