from __future__ import annotations

from dataclasses import replace

import pytest

from streams.errors import PromptTooLong, Rejected, Retryable
from streams.indexing.cutting.chunk import Chunk, Chunking
from streams.indexing.cutting.cut import HereCutter
from streams.indexing.indexer import Indexer
from streams.messages.changes import Incomplete
from streams.messages.position import Position
from streams.messages.receipts import PassageCounts
from tests.unit.indexing.memory_store import MemoryStore
from tests.unit.indexing.stepping import CHUNKING, Clock, HashEmbedder, as_it_is, paragraphs, vector_of
from tests.unit.indexing.test_plan import change


class Scripted(MemoryStore):
    """A store where something else happens right before, or right after, the calls of a name."""

    def __init__(self):
        super().__init__()
        self.calls, self.before, self.after = [], {}, {}

    async def _during(self, name, call):
        self.calls.append(name)
        await self._happen(self.before, name)
        result = await call
        await self._happen(self.after, name)
        return result

    async def _happen(self, script, name):
        if script.get(name):
            await script[name].pop(0)()

    async def heads(self, document_keys):
        return await self._during("heads", super().heads(document_keys))

    async def current_heads(self, document_keys):
        return await self._during("current_heads", super().current_heads(document_keys))

    async def passages(self, tenant, ids):
        return await self._during("passages", super().passages(tenant, ids))

    async def write_passages(self, passages):
        await self._during("write_passages", super().write_passages(passages))

    async def write_heads(self, heads):
        await self._during("write_heads", super().write_heads(heads))


class Bench:
    def __init__(self):
        self.store, self.clock, self.embedder = Scripted(), Clock(), HashEmbedder()
        self.slept, self.events = [], []

    def indexer(self, *, chunk=paragraphs, parse=as_it_is, chunking=CHUNKING, embedder=None):
        return Indexer(
            self.store,
            embedder or self.embedder,
            cutter=HereCutter(parse, chunk),
            chunking=chunking,
            now=self.clock.now,
            monotonic=self.clock.monotonic,
            sleep=self.sleep,
            observe=self.events.append,
        )

    async def sleep(self, seconds):
        self.slept.append(seconds)

    async def apply(self, *args, **kwargs):
        return await self.indexer().apply(change(*args, **kwargs))

    def texts(self):
        head = self.store.current(change(0).key)
        return [self.store.held[head.tenant, entry.id].text for entry in head.passages]

    def passing(self, seconds):
        async def pass_():
            self.clock.t += seconds

        return pass_

    def count(self, name):
        return sum(event.value for event in self.events if event.name == name)


@pytest.fixture
def bench():
    return Bench()


async def test_what_is_new_is_embedded_and_the_rest_is_kept(bench):
    first = await bench.apply(1, "a\n\nb")
    assert first.passages == PassageCounts(total=2, embedded=2, reused=0, removed=0)
    assert (first.outcome, first.reason, first.superseded) == ("indexed", None, False)
    assert (first.tenant, first.document_id, first.position) == ("t", "d", Position(0, 0, 1, 1))
    second = await bench.apply(2, "a\n\nc")
    assert second.passages == PassageCounts(total=2, embedded=1, reused=1, removed=1)
    assert second.superseded
    assert bench.embedder.embedded == ["a", "b", "c"]
    assert bench.texts() == ["a", "c"]


async def test_new_readers_embed_nothing_and_copy_the_vectors(bench):
    await bench.apply(1, "a\n\nb")
    applied = await bench.apply(2, "a\n\nb", readers=("g",))
    assert applied.passages == PassageCounts(total=2, embedded=0, reused=2, removed=0)
    head = bench.store.current(change(0).key)
    passages = [bench.store.held["t", entry.id] for entry in head.passages]
    assert [(one.readers, one.vector) for one in passages] == [
        (("g",), vector_of("a")),
        (("g",), vector_of("b")),
    ]
    assert bench.embedder.embedded == ["a", "b"]


async def test_a_text_that_stands_twice_is_embedded_once(bench):
    applied = await bench.apply(1, "a\n\na")
    assert applied.passages == PassageCounts(total=2, embedded=1, reused=1, removed=0)
    assert bench.embedder.embedded == ["a"]


async def test_unchanged_writes_a_head_and_nothing_else(bench):
    await bench.apply(1, "a")
    bench.store.calls.clear()
    applied = await bench.apply(2, "a")
    assert applied.outcome == "unchanged"
    assert bench.store.calls == ["current_heads", "write_heads"]


async def test_a_stale_change_names_the_documents_position_and_writes_nothing(bench):
    await bench.apply(2, "a")
    bench.store.calls.clear()
    applied = await bench.apply(1, "b")
    assert (applied.outcome, applied.reason) == ("ignored", "stale")
    assert (applied.tenant, applied.document_id, applied.position) == ("t", "d", Position(0, 0, 2, 2))
    assert bench.store.calls == ["current_heads"]
    assert bench.embedder.embedded == ["a"]


async def test_a_change_that_is_stale_is_not_even_parsed(bench):
    def refuse(_document):
        raise Rejected("not a document: write one", code="unsupported_media_type")

    await bench.apply(2, "a")
    assert (await bench.indexer(parse=refuse).apply(change(1, "b"))).reason == "stale"
    with pytest.raises(Rejected):
        await bench.indexer(parse=refuse).apply(change(3, "b"))


async def test_deletions_of_what_is_there_and_of_what_is_not(bench):
    absent = await bench.apply(1, None)
    assert (absent.outcome, absent.reason, absent.tenant) == ("ignored", "absent", None)
    await bench.apply(2, "a\n\nb")
    deleted = await bench.apply(3, None)
    assert (deleted.outcome, deleted.tenant, deleted.document_id) == ("deleted", "t", "d")
    assert deleted.passages == PassageCounts(removed=2)
    assert deleted.superseded


async def test_passages_are_written_before_the_head_that_lists_them(bench):
    await bench.apply(1, "a")
    assert bench.store.calls == ["current_heads", "write_passages", "write_heads"]


async def test_a_head_that_comes_while_embedding_takes_long_is_planned_upon_and_no_vector_is_lost(bench):
    await bench.apply(1, "a")

    async def somebody_else():
        await bench.apply(2, "a\n\nx")

    bench.store.before["current_heads"] = [bench.passing(11), somebody_else]
    applied = await bench.apply(3, "a\n\nb\n\nx")
    assert applied.passages == PassageCounts(total=3, embedded=1, reused=2, removed=0)
    assert bench.embedder.embedded == ["a", "b", "x", "x"]
    assert bench.texts() == ["a", "b", "x"]


async def test_a_higher_head_that_comes_while_embedding_takes_long_makes_the_change_stale(bench):
    async def somebody_else():
        await bench.apply(9, "x")

    bench.store.before["current_heads"] = [bench.passing(11), somebody_else]
    assert (await bench.apply(3, "a")).reason == "stale"
    assert bench.texts() == ["x"]


@pytest.mark.parametrize(("theirs", "shown"), [(2, ["a", "b"]), (9, ["x"])])
async def test_a_head_that_comes_between_a_plan_and_its_flip_changes_nothing_but_which_is_higher(
    bench, theirs, shown
):
    async def somebody_else():
        await bench.apply(theirs, "x")

    await bench.apply(1, "a")
    bench.store.before["write_passages"] = [somebody_else]
    await bench.apply(3, "a\n\nb")
    assert bench.texts() == shown


async def test_a_plan_older_than_its_lease_is_not_carried_out(bench):
    async def a_frozen_moment():
        bench.clock.t += 31
        await bench.apply(2, "z")

    await bench.apply(1, "a")
    bench.store.after["write_passages"] = [a_frozen_moment]
    bench.store.calls.clear()
    applied = await bench.apply(3, "a\n\nb")
    assert bench.texts() == ["a", "b"]
    assert applied.passages == PassageCounts(total=2, embedded=2, reused=0, removed=1)
    assert bench.count("late_plans") == 1
    assert bench.slept == [], "it was late before the flip, not after it"


async def test_what_was_embedded_and_written_is_kept_when_the_lease_runs_out(bench):
    bench.store.after["write_passages"] = [bench.passing(31)]
    await bench.apply(1, "a\n\nb")
    assert bench.embedder.embedded == ["a", "b"]
    assert bench.store.calls == ["current_heads", "write_passages", "current_heads", "write_heads"]


async def test_within_its_lease_a_plan_is_carried_out(bench):
    bench.store.after["write_passages"] = [bench.passing(29)]
    await bench.apply(1, "a")
    assert bench.store.calls.count("current_heads") == 1
    assert bench.count("late_plans") == 0


async def test_who_was_frozen_in_the_flip_writes_again_what_the_vacuum_took(bench):
    await bench.apply(1, "a\n\nb")
    kept = [entry.id for entry in bench.store.current(change(0).key).passages]

    async def frozen():
        bench.clock.t += 200
        await bench.store.delete_passages("t", kept[:1])

    bench.store.before["write_heads"] = [frozen]
    await bench.apply(2, "a\n\nb\n\nc")
    assert bench.texts() == ["a", "b", "c"]
    assert bench.store.held["t", kept[0]].vector == vector_of("a")
    assert bench.count("passages_repaired") == 1


async def test_who_was_frozen_in_the_flip_looks_again_after_a_vacuums_lease(bench):
    await bench.apply(1, "a")
    (kept,) = [entry.id for entry in bench.store.current(change(0).key).passages]
    indexer = bench.indexer()

    async def the_vacuum_finishes(seconds):
        bench.slept.append(seconds)
        await bench.store.delete_passages("t", [kept])

    indexer._sleep = the_vacuum_finishes
    bench.store.before["write_heads"] = [bench.passing(200)]
    await indexer.apply(change(2, "a\n\nb"))
    assert bench.slept == [30.0]
    assert bench.texts() == ["a", "b"]


async def test_a_change_that_comes_again_repairs_what_its_head_lists(bench):
    await bench.apply(1, "a\n\nb")
    bench.store.held.clear()
    assert (await bench.apply(1, "a\n\nb")).reason == "stale"
    assert bench.texts() == ["a", "b"]


def leaving_out_the_body(offset, **given):
    """A change whose record holds all but the text, which it takes from the row before."""

    def fill(row):
        whole = change(offset, row["body"], **given)
        return replace(whole, row={"body": row["body"]})

    return replace(change(offset, "", **given), document=Incomplete(("body",), fill))


async def test_what_a_record_leaves_out_is_taken_from_the_row_before(bench):
    await bench.indexer().apply(replace(change(1, "a\n\nb"), row={"body": "a\n\nb"}))
    applied = await bench.indexer().apply(leaving_out_the_body(2, title="T"))
    assert (applied.outcome, applied.passages) == ("indexed", PassageCounts(total=2, embedded=0, reused=2))
    assert bench.texts() == ["a", "b"]


async def test_a_change_that_leaves_columns_out_and_comes_again_repairs_what_its_head_lists(bench):
    await bench.indexer().apply(replace(change(1, "a\n\nb"), row={"body": "a\n\nb"}))
    await bench.indexer().apply(leaving_out_the_body(2, title="T"))
    bench.store.held.clear()
    assert (await bench.indexer().apply(leaving_out_the_body(2, title="T"))).reason == "stale"
    assert bench.texts() == ["a", "b"]


async def test_a_record_that_changes_a_document_twice_leaves_it_as_the_second_time(bench):
    twice = [change(1, text, time=5, order=order) for order, text in ((1, "a"), (2, "b\n\na"))]
    for again in range(2):
        outcomes = [(await bench.indexer().apply(one)).outcome for one in twice]
        assert outcomes == (["ignored"] * 2 if again else ["indexed"] * 2)
        assert bench.texts() == ["b", "a"]


async def test_what_a_record_said_first_of_a_document_repairs_nothing_of_what_it_said_last(bench):
    await bench.indexer().apply(change(1, "a\n\nb", time=5, order=2))
    bench.store.held.clear()
    await bench.indexer().apply(change(1, "a", time=5, order=1))
    assert not bench.store.held
    await bench.indexer().apply(change(1, "a\n\nb", time=5, order=2))
    assert bench.texts() == ["a", "b"]


async def test_a_vector_that_is_gone_before_it_could_be_copied_is_embedded(bench):
    await bench.apply(1, "a")

    async def vacuumed():
        bench.store.held.clear()

    bench.store.before["passages"] = [vacuumed]
    applied = await bench.apply(2, "a", readers=("g",))
    assert applied.passages == PassageCounts(total=1, embedded=1, reused=0, removed=0)


class Narrow(HashEmbedder):
    """A model whose window is `limit` characters."""

    def __init__(self, limit):
        super().__init__()
        self.limit = limit

    async def embed_documents(self, texts):
        if any(len(text) > self.limit for text in texts):
            raise PromptTooLong("a text has more tokens than the model's window: split it")
        return await super().embed_documents(texts)


def by_length(text, /, *, media_type, chunking):
    size = chunking.max_tokens
    return [Chunk(text[at : at + size], at, at + size) for at in range(0, len(text), size)]


async def test_a_text_too_long_for_the_model_is_cut_finer(bench):
    indexer = bench.indexer(chunk=by_length, chunking=Chunking(64), embedder=Narrow(20))
    applied = await indexer.apply(change(1, "x" * 40))
    assert applied.passages.total == 3
    assert bench.texts() == ["x" * 16, "x" * 16, "x" * 8]
    assert bench.count("prompts_too_long") == 2


async def test_a_document_cut_finer_is_repaired_from_its_finer_chunks(bench):
    indexer = bench.indexer(chunk=by_length, chunking=Chunking(64), embedder=Narrow(20))
    text = "".join(map(chr, range(100, 140)))
    await indexer.apply(change(1, text))
    bench.store.held.clear()
    await indexer.apply(change(1, text))
    assert "".join(bench.texts()) == text


async def test_a_text_that_no_cut_makes_fit_is_refused(bench):
    indexer = bench.indexer(chunk=by_length, chunking=Chunking(64), embedder=Narrow(2))
    with pytest.raises(PromptTooLong):
        await indexer.apply(change(1, "x" * 40))
    assert bench.store.all_heads == {}


async def test_an_outage_goes_to_the_caller_and_the_change_can_come_again(bench):
    async def down():
        raise Retryable("the store can't be reached; it is tried again")

    for call in ("current_heads", "write_passages", "write_heads"):
        bench.store.before[call] = [down]
        with pytest.raises(Retryable):
            await bench.apply(1, "a\n\nb")
    assert (await bench.apply(1, "a\n\nb")).outcome == "indexed"
    assert bench.texts() == ["a", "b"]
