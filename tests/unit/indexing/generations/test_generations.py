"""A generation built beside the live one, while changes go on, workers and the build crash, and time passes.

Whoever applies, and whoever copies, reads and writes in steps that come in any order. In the end, and at
the moment of the switch for all that is done by then, the new generation is what the live one is.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from functools import partial

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streams.errors import Rejected
from streams.indexing.cutting.cut import HereCutter
from streams.indexing.generations import steps
from streams.indexing.generations.carry import Carry
from streams.indexing.generations.following import Followed, FollowingIndexer, Writing
from streams.indexing.indexer import Indexer
from streams.indexing.vacuum.vacuum import Vacuum
from streams.messages.changes import Change, Document
from streams.messages.records import Offset
from streams.ports import Generation, Generations
from streams.worker.generations import FOLLOWED_S, Following
from tests.unit.indexing.memory_store import MemoryStore
from tests.unit.indexing.stepping import (
    CHUNKING,
    EPOCH,
    Clock,
    HashEmbedder,
    Process,
    Step,
    SteppedStore,
    as_it_is,
    paragraphs,
)
from tests.unit.indexing.test_histories import Run, changes

OLD = Generation("old", 2, CHUNKING.name)
NEW = Generation("new", 2, CHUNKING.name)
CHECKED_BEFORE = frozenset({"write_heads", "delete_passages", "delete_heads"})


class Record:
    """The record, read and written in steps."""

    def __init__(self):
        self.now = Generations(OLD)

    async def generations(self):
        await Step("record")
        return self.now

    async def change(self, become):
        await Step("write_record")
        self.now = become(self.now)


class Refusing(HashEmbedder):
    """Has no vector for one text."""

    def __init__(self, text):
        super().__init__()
        self.text = text

    async def embed_documents(self, texts):
        if self.text in texts:
            raise Rejected("no direction", code="bad_vector")
        return await super().embed_documents(texts)


class World:
    """Two generations, their record, and whoever is at work."""

    def __init__(self, log, *, followed_s=FOLLOWED_S, carries=True, refused=None):
        self.log, self.clock, self.record, self.refused = log, Clock(), Record(), refused
        self.stores = {"g1": MemoryStore(), "g2": MemoryStore()}
        self.followed_s, self.carries = followed_s, carries
        self.done, self.lost = [], None

    def stepped(self, name):
        return SteppedStore(self.stores[name], self.clock)

    def indexer(self, store, name="g1"):
        embedder = Refusing(self.refused) if self.refused and name == "g2" else HashEmbedder()
        return Indexer(
            store, embedder, cutter=HereCutter(as_it_is, paragraphs), chunking=CHUNKING,
            now=self.clock.now, monotonic=self.clock.monotonic, sleep=store.sleep,
        )  # fmt: skip

    def following(self):
        return Following(self.record, now=self.clock.now, monotonic=self.clock.monotonic)

    def apply(self, change, following=None):
        """A worker of its own, that knows the record as it read it when it last had to."""
        following = following or self.following()

        async def write(generation):
            store = self.stepped(generation.name)
            return Writing(generation, store, self.indexer(store, generation.name))

        async def follow():
            followed = await following()
            return followed if self.carries else Followed(Generations(followed.record.live))

        async def work():
            await following()
            applied = await FollowingIndexer(follow, write).apply(change)
            self.done.append((change.key, applied.position))
            return applied

        return Process(work())

    def reindex(self):
        """The build from its beginning, as often as that takes: it goes by what the index holds."""

        async def work():
            await self.record.change(lambda record: steps.begun(record, NEW))
            source, target = self.stepped("g1"), self.stepped("g2")
            await source.sleep(self.followed_s)
            carry = Carry(source, target, self.indexer(target))
            for key in sorted({change.key for change in self.log}):
                for behind in await carry.behind([key]):
                    await carry.bring(behind)
            await self.record.change(lambda record: steps.switched(record, EPOCH))
            self.lost = [key for key, position in self.done if not self.holds("g2", key, position)]

        return Process(work())

    def vacuum(self, name):
        vacuum = Vacuum(self.stepped(name), now=self.clock.now, monotonic=self.clock.monotonic)
        return Process(vacuum.run())

    def finish(self, process):
        while process.at is not None:
            self.clock.t = max(self.clock.t, process.at.after)
            process.step()

    def holds(self, name, key, position):
        head = self.stores[name].current(key)
        return head is not None and head.position >= position

    def older(self, name, than):
        """Documents of which one generation shows an older state than the other has."""
        return [
            key
            for key, head in ((key, self.stores[name].current(key)) for key in self.stores[name].all_heads)
            if not head.deleted and not self.holds(name, key, self.stores[than].current(key).position)
        ]

    def state(self, name, key):
        return Run(store=self.stores[name]).held(key)


turns = st.lists(
    st.one_of(
        st.tuples(st.just("step"), st.integers(0, 5)),
        st.tuples(st.just("step"), st.integers(0, 5)),
        st.tuples(st.just("step"), st.integers(0, 5)),
        st.tuples(st.just("pass"), st.sampled_from([0.6, 1.1, 5.0, 130.0])),
        st.tuples(st.just("crash"), st.integers(0, 5)),
    ),
    max_size=60,
)


@st.composite
def builds(draw):
    """A log of which a part is there before, changes that are applied meanwhile, and whose turn it is."""
    log = draw(changes(["k"] if draw(st.booleans()) else ["k", "l"]))
    before = draw(st.integers(0, len(log)))
    meanwhile = draw(st.lists(st.integers(0, len(log) - 1), max_size=3))
    return log, before, meanwhile, draw(turns), draw(turns)


def play(world, before, meanwhile, first, then):
    """Everybody's steps as their turns come, and then each to its end; who crashes begins again."""
    for change in world.log[:before]:
        world.finish(world.apply(change))
    begins = [lambda change=world.log[index]: world.apply(change) for index in meanwhile]
    processes = [begin() for begin in begins]
    take(world, processes, begins, first)
    begins += [world.reindex, partial(world.vacuum, "g1"), partial(world.vacuum, "g2")]
    processes += [begin() for begin in begins[-3:]]
    take(world, processes, begins, then)
    for process in processes[::-1]:
        world.finish(process)
    assert world.lost == []


def take(world, processes, begins, schedule):
    for kind, what in schedule:
        process = processes[what] if kind != "pass" and what < len(processes) else None
        if kind == "pass" and not any(p.at and p.at.name in CHECKED_BEFORE for p in processes):
            world.clock.t += what
        elif kind == "step" and process and process.may_step(world.clock):
            process.step()
        elif kind == "crash" and process and process.at is not None:
            process.crash()
            processes[what] = begins[what]()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(builds())
def test_the_new_generation_holds_all_that_is_done_before_the_switch(build):
    log, *turns_ = build
    world = World(log)
    play(world, *turns_)
    assert world.record.now.live.name == "g2"
    for key in {change.key for change in log}:
        old, new = world.state("g1", key), world.state("g2", key)
        assert old is None or new is not None
        assert old is None or new.position >= old.position
        assert old is None or new.position > old.position or new == old


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(builds())
def test_when_all_is_applied_the_new_generation_is_a_plain_replay(build):
    log, *turns_ = build
    # With a time of its own a change stands where it stands, in whatever order changes are applied.
    log = [replace(change, time=n, order=None) for n, change in enumerate(log)]
    world = World(log)
    play(world, *turns_)
    for change in log:
        world.finish(world.apply(change))
    for key in {change.key for change in log}:
        last = [change for change in log if change.key == key][-1]
        assert world.state("g2", key).document == last.document


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(changes(["k", "l"]), st.data())
def test_of_what_the_new_generation_refuses_it_shows_nothing_older_than_the_live_one(log, data):
    world = World(log, refused="a")
    world.record.now = replace(Generations(OLD), building=replace(NEW, name="g2"), made=2)
    for change in log:
        world.finish(world.apply(change))
        assert not world.older("g2", "g1")
    for change in data.draw(st.lists(st.sampled_from(log), max_size=5), "come again"):
        live = world.apply(change)
        world.finish(live)
        if live.result.reason == "stale":
            alone = Process(world.indexer(world.stepped("g2"), "g2").apply(change))
            with suppress(Rejected):
                world.finish(alone)
        assert not world.older("g2", "g1")


def change(offset, text="a\n\nb"):
    document = text and Document(tenant="t", id="x", text=text)
    at = Offset(topic="docs", partition=0, offset=offset)
    return Change(source="s", record_key="k", at=at, timestamp=offset, document=document, time=offset)


def late_worker(world):
    """A worker that read the record right before a build begins, and flips when the build has copied."""
    worker = world.apply(world.log[0])
    while worker.at.name != "write_heads":
        worker.step()
    reindex = world.reindex()
    while reindex.at is not None and reindex.may_step(world.clock):
        reindex.step()
    worker.step()
    while worker.at is not None:
        worker.step()
    world.finish(reindex)
    return world.holds("g2", *world.done[0])


def test_a_worker_that_has_not_seen_the_build_begin_is_waited_for():
    assert late_worker(World([change(1)]))
    assert not late_worker(World([change(1)], followed_s=0.0))


def test_a_build_misses_what_is_not_carried():
    world = World([change(1), change(2, "new")], carries=False)
    world.finish(world.apply(world.log[0]))
    reindex = world.reindex()
    while reindex.at.name != "write_record" or world.record.now.building is None:
        world.clock.t = max(world.clock.t, reindex.at.after)
        reindex.step()
    world.finish(world.apply(world.log[1]))
    world.finish(reindex)
    assert world.lost == [world.log[1].key]
