"""Embedding makes progress: what an attempt at a document got, the next has, and each text has its own."""

from __future__ import annotations

import asyncio
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.agents.pump.attempts import Attempts, Patience
from streams.agents.pump.backoff import Backoff
from streams.agents.pump.dependency import Dependency
from streams.agents.pump.scheduler import Scheduler
from streams.errors import Rejected, Retryable, TooMuch
from streams.indexing.batching.embed import CoalescedEmbedder
from streams.indexing.batching.left import Left
from streams.indexing.batching.portions import AT_ONCE, PORTION
from streams.indexing.cutting.cut import HereCutter
from streams.indexing.indexer import Indexer
from streams.indexing.passages import AT_A_TIME
from streams.messages.changes import Change, Document
from streams.messages.records import Offset
from streams.ports import unobserved
from tests.unit.answering.virtual import monotonic, now, run
from tests.unit.indexing.memory_store import MemoryStore
from tests.unit.indexing.stepping import CHUNKING, HashEmbedder, as_it_is, paragraphs, vector_of

CALL_S = 1.0
IN_FLIGHT = 2 * PORTION
"""Texts that a model server may have at a moment, and lose."""


class Model(HashEmbedder):
    """A model server: each call takes `CALL_S` for a text; `fails` may say why a call of texts does."""

    def __init__(self, fails=lambda _texts: None):
        super().__init__()
        self.fails, self.calls = fails, []

    async def embed_documents(self, texts):
        self.calls.append(list(texts))
        await asyncio.sleep(CALL_S)
        if error := self.fails(texts):
            raise error
        return await super().embed_documents(texts)


class Flaky:
    """Goes away whenever it has made so many vectors more, and is back for the next call but `for_calls`."""

    def __init__(self, after, times, for_calls=2):
        self.after, self.times, self.for_calls = after, times, for_calls
        self.made = self.down = 0

    def __call__(self, texts):
        if not self.down and self.made + len(texts) > self.after and self.times:
            self.times, self.made, self.down = self.times - 1, 0, self.for_calls
        if self.down:
            self.down -= 1
            return Retryable("the model server is away", code="unreachable")
        self.made += len(texts)
        return None


class Failing(MemoryStore):
    """Its first writes of heads fail."""

    def __init__(self, times=0):
        super().__init__()
        self.times = times

    async def write_heads(self, heads):
        if self.times:
            self.times -= 1
            raise Retryable("the store is away", code="store_down")
        await super().write_heads(heads)


class Bench:
    def __init__(self, fails=lambda _texts: None, *, store=None, left=None):
        self.model, self.store, self.left = Model(fails), store or MemoryStore(), left or Left()
        self.indexer = Indexer(
            self.store,
            CoalescedEmbedder(self.model),
            cutter=HereCutter(as_it_is, paragraphs),
            chunking=CHUNKING,
            now=now,
            monotonic=monotonic,
            left=self.left,
        )
        backoff = Backoff(0.2, 10.0, lambda: 0.5)
        dependency = Dependency(
            self.passes, limit_s=10.0, backoff=backoff, changed=lambda: None, misconfigured=lambda _: None
        )
        self.attempts = Attempts(
            dependency, Patience(5, 3, 600.0), backoff, unobserved, "test", scheduler=Scheduler(1)
        )

    async def passes(self):
        """The canary: it is never the model's fault."""

    async def apply(self, change_):
        """As the pump has it: again and again, until it is done or a dead letter."""
        return await self.attempts(lambda: self.indexer.apply(change_))

    def vectors(self, change_):
        """The text and the vector of each passage of the document."""
        head = self.store.current(change_.key)
        held = [self.store.held[head.tenant, entry.id] for entry in head.passages]
        return [(one.text, list(one.vector)) for one in held]


def change(name, texts, offset=1):
    document = Document(tenant="t", id=name, text="\n\n".join(texts))
    at = Offset(topic="docs", partition=0, offset=offset)
    return Change("s", name, at, offset, document)


def large(count, name="large"):
    return [f"{name} {number}" for number in range(count)]


def own(texts):
    """Each text with its own vector, as the stores hold it."""
    return [(text, pytest.approx(vector_of(text))) for text in texts]


def test_what_an_attempt_got_is_not_embedded_again_however_often_the_model_server_goes_away():
    texts = large(1000)
    bench = Bench(Flaky(after=250, times=3))
    tried = run(bench.apply(change("large", texts)))
    assert tried.outcome.outcome == "indexed"
    assert tried.attempts >= 4
    assert tried.outcome.passages.embedded == 1000
    assert len(bench.model.embedded) == 1000
    assert bench.vectors(change("large", texts)) == own(texts)
    assert bench.left.bytes == 0


def test_a_document_that_gets_on_is_no_dead_letter_however_many_attempts_it_takes():
    bench = Bench(Flaky(after=70, times=100))
    tried = run(bench.apply(change("large", large(1000))))
    assert tried.attempts > 10
    assert tried.outcome.outcome == "indexed"
    assert len(bench.model.embedded) == 1000


def test_a_document_that_gets_on_is_no_dead_letter_though_there_is_no_room_for_its_vectors():
    # Each attempt loses some of what it made, and finds what was written.
    bench = Bench(Flaky(after=700, times=1000), left=Left(50_000))
    tried = run(bench.apply(change("large", large(4000))))
    assert tried.attempts > 6
    assert tried.outcome.outcome == "indexed"
    assert len(bench.model.embedded) < 2 * 4000


def test_a_new_version_that_gets_on_is_no_dead_letter_though_more_of_it_is_to_be_done():
    bench = Bench(lambda texts: Retryable("away") if "large 99" in texts else None)
    assert run(bench.apply(change("large", large(100)))).outcome.code == "poison"
    bench.model.fails = Flaky(after=70, times=100)
    tried = run(bench.apply(change("large", large(1000, "other"), offset=2)))
    assert tried.attempts > 10
    assert tried.outcome.outcome == "indexed"


def test_a_store_that_is_away_when_all_is_embedded_costs_no_vector():
    bench = Bench(store=Failing(3))
    tried = run(bench.apply(change("large", large(100))))
    assert (tried.outcome.outcome, tried.attempts) == ("indexed", 4)
    assert len(bench.model.embedded) == 100


def test_who_is_cancelled_leaves_what_came_until_then_to_who_comes_next():
    async def cancelled_and_again(bench):
        handler = asyncio.create_task(bench.apply(change("large", large(1000))))
        await asyncio.sleep(5 * CALL_S)
        handler.cancel()
        await asyncio.wait({handler})
        before = len(bench.model.embedded)
        return before, await bench.apply(change("large", large(1000)))

    bench = Bench()
    before, tried = run(cancelled_and_again(bench))
    assert before > 0
    assert tried.outcome.outcome == "indexed"
    assert len(bench.model.embedded) <= 1000 + IN_FLIGHT


def test_another_worker_goes_on_where_the_one_before_was_killed():
    async def killed(bench):
        handler = asyncio.create_task(bench.apply(change("large", large(3000))))
        await asyncio.sleep(30 * CALL_S)
        handler.cancel()
        await asyncio.wait({handler})

    first = Bench()
    run(killed(first))
    assert first.store.current(change("large", []).key) is None
    other = Bench(store=first.store)
    assert run(other.apply(change("large", large(3000)))).outcome.outcome == "indexed"
    assert 1500 < len(first.model.embedded) < 2500
    assert len(first.model.embedded) + len(other.model.embedded) <= 3000 + AT_A_TIME
    assert other.vectors(change("large", [])) == own(large(3000))


def test_a_later_version_has_the_vectors_of_the_texts_that_it_kept_and_nothing_else_stays():
    bench = Bench(lambda texts: Retryable("away") if "large 99" in texts else None)
    assert run(bench.apply(change("large", large(100)))).outcome.code == "poison"
    assert bench.left.bytes > 0
    kept = large(50)
    assert run(bench.apply(change("large", [*kept, "new"], offset=2))).outcome.outcome == "indexed"
    assert bench.model.calls[-1] == ["new"]
    assert bench.vectors(change("large", kept)) == own([*kept, "new"])
    assert bench.left.bytes == 0


def test_the_one_passage_that_can_not_be_embedded_is_found_and_named():
    bad = large(100)[41]
    bench = Bench(lambda texts: Retryable("the runner died", code="server_failed") if bad in texts else None)
    tried = run(bench.apply(change("large", large(100))))
    assert isinstance(tried.outcome, Rejected)
    assert tried.outcome.code == "poison"
    assert "passage 42 of 100, characters 400 to 408" in str(tried.outcome)
    assert "the runner died" in str(tried.outcome)
    assert bad not in str(tried.outcome)
    assert sorted(bench.model.embedded) == sorted(set(bench.model.embedded))


def test_the_one_passage_that_is_refused_is_found_and_named_at_once():
    bad = large(100)[41]
    bench = Bench(lambda texts: Rejected("no numbers", code="bad_vector") if bad in texts else None)
    tried = run(bench.apply(change("large", large(100))))
    assert (tried.outcome.code, tried.attempts) == ("bad_vector", 1)
    assert "passage 42 of 100" in str(tried.outcome)
    assert bench.left.bytes == 0


def test_a_model_that_takes_few_texts_in_time_is_asked_for_few_at_a_time():
    bench = Bench(lambda texts: TooMuch("too slow", code="timeout") if len(texts) > 3 else None)
    tried = run(bench.apply(change("large", large(200))))
    assert tried.outcome.outcome == "indexed"
    assert len(bench.model.embedded) == 200
    wasted = [call for call in bench.model.calls if len(call) > 3]
    # 32, 16, 8 and 4, with each of the two calls that are under way at a time; later one in some dozens.
    assert len(wasted) <= 16
    assert all(len(call) == 4 for call in bench.model.calls[20:] if call in wasted)


def test_beside_a_large_document_others_have_their_turn():
    async def both(bench):
        whole = asyncio.create_task(bench.apply(change("large", large(3200))))
        await asyncio.sleep(2.5 * CALL_S)
        await bench.apply(change("small", ["small"]))
        took = monotonic()
        await whole
        return took, monotonic()

    small_s, whole_s = run(both(Bench()))
    assert whole_s >= 3200 / PORTION / 2 * CALL_S
    assert small_s <= 2.5 * CALL_S + (AT_ONCE + 2) * CALL_S


def test_the_documents_at_work_say_how_far_they_are():
    async def looked_at(bench):
        whole = asyncio.create_task(bench.apply(change("large", large(640))))
        await asyncio.sleep(4.5 * CALL_S)
        (progress,) = bench.indexer.embedding
        await whole
        return progress, bench.indexer.embedding

    progress, after = run(looked_at(Bench()))
    assert progress == (4.5 * CALL_S, 8 * PORTION, 640)
    assert progress.lacking == 12 * PORTION
    assert list(after) == []


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**32), documents=st.integers(1, 6), most_bytes=st.sampled_from([0, 20_000, 10**7])
)
def test_no_interleaving_of_attempts_loses_or_mixes_vectors(seed, documents, most_bytes):
    rng = random.Random(seed)

    def fails(texts):
        nonlocal faults
        if len(texts) > limit:
            return TooMuch("too many", code="timeout")
        if rng.random() < often and faults:
            faults -= 1
            return Retryable("away")
        return None

    limit, often, faults = rng.choice([1, 5, 32, 100]), rng.choice([0.0, 0.1, 0.4]), 40
    bench = Bench(fails, store=Failing(rng.randrange(4)), left=Left(most_bytes))
    # Some paragraphs are in several documents.
    pool = [f"text {number}" for number in range(120)]
    texts = [rng.sample(pool, rng.randrange(1, 100)) for _ in range(documents)]

    async def one(number):
        made = change(f"d{number}", texts[number])
        await asyncio.sleep(rng.random() * 5)
        for _ in range(rng.randrange(3)):
            # The partition is taken away, and comes back.
            handler = asyncio.create_task(bench.apply(made))
            await asyncio.wait({handler}, timeout=rng.random() * 20)
            handler.cancel()
            await asyncio.wait({handler})
        # A dead letter is sent back.
        while isinstance((await bench.apply(made)).outcome, Rejected):
            pass

    async def all_of_them():
        await asyncio.gather(*(one(number) for number in range(documents)))

    run(all_of_them())
    for number, own_texts in enumerate(texts):
        assert bench.vectors(change(f"d{number}", own_texts)) == own(own_texts)
    assert bench.left.bytes == 0
