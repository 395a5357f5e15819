"""The embedding cache: a text that comes back in time is not embedded again."""

from __future__ import annotations

import tracemalloc

import pytest

from streams.errors import Retryable
from streams.indexing.batching.remember import OVERHEAD_BYTES, RememberedPassages
from tests.unit.indexing.stepping import Clock, HashEmbedder, vector_of


class Counting(HashEmbedder):
    def __init__(self):
        super().__init__()
        self.asked, self.down = [], False

    async def embed_documents(self, texts):
        if self.down:
            raise Retryable("the model server is down")
        self.asked.append(list(texts))
        return await super().embed_documents(texts)


class Bench:
    def __init__(self, *, ttl_s=60.0, most_bytes=1_000_000):
        self.clock, self.embedder, self.events = Clock(), Counting(), []
        self.remembered = RememberedPassages(
            self.embedder,
            ttl_s=ttl_s,
            most_bytes=most_bytes,
            monotonic=self.clock.monotonic,
            observe=self.events.append,
        )

    async def embed(self, *texts):
        got = await self.remembered.embed_documents(texts)
        assert [list(vector) for vector in got] == [pytest.approx(vector_of(text)) for text in texts]

    def counted(self, result):
        return sum(event.value for event in self.events if event.labels == {"result": result})


async def test_only_what_is_not_known_is_embedded_and_all_come_back_in_order():
    bench = Bench()
    await bench.embed("a", "b")
    await bench.embed("c", "b", "d", "a")
    assert bench.embedder.asked == [["a", "b"], ["c", "d"]]
    assert (bench.counted("hit"), bench.counted("miss")) == (2, 4)


async def test_what_is_known_already_asks_nobody():
    bench = Bench()
    await bench.embed("a")
    bench.embedder.down = True
    await bench.embed("a", "a")


async def test_a_text_is_forgotten_after_its_time():
    bench = Bench(ttl_s=10.0)
    await bench.embed("a")
    bench.clock.t += 9.0
    await bench.embed("a")
    bench.clock.t += 1.5
    await bench.embed("a")
    assert bench.embedder.asked == [["a"], ["a"]]


async def test_what_was_longest_not_asked_for_makes_room():
    bench = Bench(most_bytes=2 * (OVERHEAD_BYTES + 4 * HashEmbedder().dimension))
    await bench.embed("a", "b")
    await bench.embed("a")
    await bench.embed("c")
    await bench.embed("a", "c")
    await bench.embed("b")
    assert bench.embedder.asked == [["a", "b"], ["c"], ["b"]]


async def test_a_failure_is_not_remembered():
    bench = Bench()
    bench.embedder.down = True
    with pytest.raises(Retryable):
        await bench.embed("a")
    bench.embedder.down = False
    await bench.embed("a")


async def test_it_takes_no_more_memory_than_it_may():
    bench = Bench(most_bytes=2_000_000)
    bench.remembered._observe = lambda _: None
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for first in range(0, 20_000, 100):
        await bench.remembered.embed_documents([f"text {n}" for n in range(first, first + 100)])
        bench.embedder.asked.clear()
        bench.embedder.embedded.clear()
    used = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert used < 2_000_000
