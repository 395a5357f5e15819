"""What a worker makes of the record of generations."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from streams import settings as configuration
from streams.errors import Misconfigured, Rejected, Retryable
from streams.indexing.cutting.chunk import Chunking
from streams.indexing.generations import steps
from streams.indexing.generations.copying import Copied
from streams.indexing.generations.following import Followed, FollowingIndexer, Writing
from streams.messages.changes import Change, Document
from streams.messages.records import Offset
from streams.ports import Generation, Generations
from streams.worker.generations import MAX_AGE_S, MIRROR_S, Following, agreed, check, superseded_settings
from streams.worker.verdict import TOLERANCE, Verdict, objection
from tests.unit.indexing.generations.test_copying import Embedder, indexer
from tests.unit.indexing.memory_store import MemoryStore
from tests.unit.indexing.stepping import Clock

OLD = Generation("nomic-embed-text", 768, Chunking(2048, 800).name)
NEW = replace(OLD, embed_model="mxbai-embed-large", dimension=1024, name="g2")
BUILDING = Generations(OLD, building=NEW, made=2)
SWITCHED = Generations(NEW, previous=OLD, made=2, switched=Clock().now())


class Index:
    """A record that is read and counted."""

    def __init__(self, record):
        self.record, self.reads = record, 0

    async def generations(self):
        self.reads += 1
        if isinstance(self.record, Exception):
            raise self.record
        return self.record

    async def replace_generations(self, expected, wanted):
        if self.record != expected:
            return False
        self.record = wanted
        return True


def settings(**given):
    named = {"embed_model": OLD.embed_model, "embed_dimension": OLD.dimension, "chunk_characters": 800}
    return configuration.load(env_file=None, **(named | given))


def of(generation):
    return settings(embed_model=generation.embed_model, embed_dimension=generation.dimension)


class TestFollowing:
    def setup_method(self):
        self.clock, self.index, self.seen = Clock(), Index(Generations(OLD)), []
        self.follow = Following(
            self.index, now=self.clock.now, monotonic=self.clock.monotonic, observe=self.seen.append
        )

    async def test_the_record_is_read_again_when_it_is_older_than_a_second(self):
        for seconds, reads in ((0.0, 1), (MAX_AGE_S, 1), (0.01, 2), (0.5, 2), (60.0, 3)):
            self.clock.t += seconds
            await self.follow()
            assert self.index.reads == reads
        assert self.follow.embed_model == OLD.embed_model

    async def test_its_age_counts_from_before_it_was_read(self):
        slow = self.index.generations

        async def generations_():
            self.clock.t += MAX_AGE_S
            return await slow()

        self.index.generations = generations_
        await self.follow()
        self.clock.t += 0.01
        await self.follow()
        assert self.index.reads == 2

    async def test_all_who_ask_while_a_slow_store_is_read_share_the_reading_that_begins_next(self):
        reads, read = asyncio.Semaphore(0), self.index.generations

        async def slow():
            self.clock.t += 3 * MAX_AGE_S
            found = await read()
            await reads.acquire()
            return found

        self.index.generations = slow
        first = asyncio.create_task(self.follow())
        await asyncio.sleep(0)
        self.index.record = BUILDING
        later = [asyncio.create_task(self.follow()) for _ in range(50)]
        await asyncio.sleep(0)
        for _ in range(52):
            reads.release()
        assert (await first).record == Generations(OLD)
        assert {(await one).record for one in later} == {BUILDING}, "it was read before they asked"
        assert self.index.reads == 2

    async def test_what_can_not_be_read_is_not_made_up_for_by_what_is_known(self):
        await self.follow()
        self.index.record = Retryable("down")
        await self.follow()
        self.clock.t += 2
        with pytest.raises(Retryable):
            await self.follow()
        self.index.record = None
        with pytest.raises(Retryable, match="gone"):
            await self.follow()

    async def test_after_a_switch_the_generation_before_is_still_written_for_a_while(self):
        await self.follow()
        self.index.record = replace(SWITCHED, switched=self.clock.now())
        self.clock.t += 2
        assert (await self.follow()).others(NEW) == [OLD]
        self.clock.t += MIRROR_S
        assert (await self.follow()).others(NEW) == []

    async def test_a_worker_that_starts_long_after_a_switch_writes_the_live_one_alone(self):
        self.index.record = replace(SWITCHED, switched=self.clock.now() - timedelta(days=1))
        assert (await self.follow()).others(NEW) == []

    async def test_each_change_of_the_record_is_observed(self):
        for record in (BUILDING, SWITCHED, replace(SWITCHED, previous=None), BUILDING, Generations(OLD)):
            await self.follow()
            self.index.record = record
            self.clock.t += 2
        await self.follow()
        changes = [event.labels["change"] for event in self.seen if event.name == "generation_changes"]
        assert changes == ["begun", "switched", "dropped", "switched", "abandoned"]


def test_a_change_goes_to_the_live_generation_and_the_one_that_is_built_whichever_it_was_applied_to():
    assert Followed(BUILDING).others(OLD) == [NEW]
    assert Followed(SWITCHED).others(OLD) == [NEW]
    assert Followed(SWITCHED).others(NEW) == []
    assert Followed(SWITCHED, mirrored=True).others(NEW) == [OLD]


class TestSettings:
    @pytest.mark.parametrize("record", [BUILDING, SWITCHED])
    def test_those_of_any_generation_that_there_is_are_let_pass(self, record):
        check(record, of(OLD))
        check(record, of(NEW))

    def test_those_of_none_are_refused_with_what_is_right_and_the_command_that_helps(self):
        for wrong in (
            settings(embed_model="bge-m3"),
            settings(embed_dimension=5),
            settings(chunk_characters=300),
        ):
            with pytest.raises(Misconfigured, match="rag-streams reindex") as refused:
                check(Generations(OLD), wrong)
            for right in ("nomic-embed-text", "STREAMS_EMBED_DIMENSION=768", "STREAMS_CHUNK_CHARACTERS=800"):
                assert right in str(refused.value)

    def test_those_of_the_generation_before_are_refused_once_that_is_dropped(self):
        with pytest.raises(Misconfigured, match="STREAMS_EMBED_MODEL=mxbai-embed-large"):
            check(steps.dropped(SWITCHED)[0], of(OLD))

    def test_those_of_the_generation_before_are_warned_of(self):
        assert "STREAMS_EMBED_DIMENSION=1024" in superseded_settings(SWITCHED, of(OLD))
        assert superseded_settings(SWITCHED, of(NEW)) is None
        assert superseded_settings(BUILDING, of(OLD)) is None

    async def test_they_make_the_first_generation_of_an_empty_index(self):
        class Window:
            window = 2048

        async def embedder():
            return Window()

        index = Index(None)
        record = await agreed(index, settings(), embedder)
        assert record == index.record == Generations(OLD)
        assert await agreed(index, settings(), None) == record


class TestFollowingIndexer:
    def setup_method(self):
        self.stores = {"g1": MemoryStore(), "g2": MemoryStore()}
        self.embedder, self.seen = Embedder(), []
        self.applied = FollowingIndexer(self.follow, self.write, self.seen.append)
        self.unopened = None

    async def follow(self):
        return Followed(BUILDING)

    async def write(self, generation):
        if generation == NEW and self.unopened:
            raise self.unopened
        store = self.stores[generation.name]
        embedder = self.embedder if generation == NEW else None
        return Writing(generation, store, indexer(store, embedder))

    def change(self, text="text"):
        at = Offset(topic="docs", partition=0, offset=1)
        return Change("s", "k", at, 1, Document(tenant="t", id="d", text=text), time=1)

    def there(self):
        return [store.current(self.change().key) is not None for store in self.stores.values()]

    async def test_a_change_is_done_only_when_both_have_it_and_its_outcome_is_the_first_ones(self):
        self.embedder.faults["text"] = [Retryable("down")]
        with pytest.raises(Retryable):
            await self.applied.apply(self.change())
        assert self.there() == [True, False]
        assert (await self.applied.apply(self.change())).outcome == "indexed"
        assert self.there() == [True, True]
        assert (await self.applied.apply(self.change())).reason == "stale"

    async def test_what_only_the_new_one_refuses_is_observed_and_done(self):
        self.embedder.faults["text"] = [Rejected("no direction", code="bad_vector")]
        assert (await self.applied.apply(self.change())).outcome == "indexed"
        assert [(one.name, one.labels) for one in self.seen] == [
            ("generation_refusals", {"code": "bad_vector"})
        ]

    async def test_what_the_new_one_refuses_is_not_shown_there_as_it_was(self):
        await self.applied.apply(self.change("open to everyone"))
        self.embedder.faults["text"] = [Rejected("no direction", code="bad_vector")]
        await self.applied.apply(replace(self.change(), time=2))
        old, new = (store.current(self.change().key) for store in self.stores.values())
        assert (old.deleted, new.deleted, new.passages) == (False, True, ())

    async def test_a_new_one_that_somebody_must_mend_is_waited_for_and_stops_no_worker(self):
        self.unopened = Misconfigured("no such model", setting="STREAMS_EMBED_MODEL")
        with pytest.raises(Retryable, match=r"no such model.*--abandon"):
            await self.applied.apply(self.change())


class TestObjection:
    nothing = Copied()

    def of(self, live, new, *, automatic=False, copied=nothing, min_recall=None, **vectors):
        return objection(Verdict(50, automatic, live, new, **vectors), copied, min_recall=min_recall)

    def test_a_recall_that_is_not_worse_is_enough(self):
        assert self.of(0.8, 0.8) is None
        assert "0.780" in self.of(0.8, 0.78)

    def test_made_questions_are_not_taken_to_the_letter_but_by_vectors_too(self):
        alike = {"automatic": True, "live_vectors": 0.9, "new_vectors": 0.9}
        assert self.of(1.0, 1.0 - TOLERANCE, **alike) is None
        assert self.of(1.0, 0.9, **alike)
        assert "vectors alone" in self.of(1.0, 1.0, **alike | {"new_vectors": 0.2})

    def test_a_least_recall_counts_alone(self):
        assert self.of(0.9, 0.8, min_recall=0.75) is None
        assert self.of(0.6, 0.7, min_recall=0.75)
        assert self.of(None, 0.8, min_recall=0.75) is None

    def test_without_the_live_model_somebody_must_say_what_is_enough(self):
        assert "--min-recall" in self.of(None, 0.9)

    def test_documents_that_are_refused_speak_against_it_however_good_it_is(self):
        copied = Copied()
        copied.refused["bad_vector"] += 2
        assert "2 bad_vector" in self.of(0.5, 1.0, copied=copied, min_recall=0.5)
