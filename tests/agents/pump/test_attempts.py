"""Attempts: what hangs is tried again, and is at fault in the end; what is slow is waited for."""

import asyncio

import pytest

from streams.agents.pump.attempts import Attempts, Patience
from streams.agents.pump.backoff import Backoff
from streams.agents.pump.dependency import Dependency
from streams.agents.pump.scheduler import Scheduler
from streams.alive import alive
from streams.errors import Rejected, Retryable
from streams.indexing.batching.embed import CoalescedEmbedder
from streams.ports import unobserved
from tests.unit.answering.virtual import monotonic, run
from tests.unit.indexing.stepping import HashEmbedder, vector_of

LIMIT_S = 600.0
TEXTS = [f"text {number}" for number in range(320)]


async def passes():
    """A canary."""


def attempts():
    backoff = Backoff(0.2, 10.0, lambda: 0.5)
    dependency = Dependency(
        passes, limit_s=10.0, backoff=backoff, changed=lambda: None, misconfigured=lambda _: None
    )
    return Attempts(dependency, Patience(5, 3, LIMIT_S), backoff, unobserved, "test", scheduler=Scheduler(1))


class SlowEmbedder(HashEmbedder):
    """Takes `call_s` for a call; the text `hangs` never comes."""

    def __init__(self, call_s, hangs=None):
        self.call_s, self.hangs, self.embedded = call_s, hangs, 0

    async def embed_documents(self, texts):
        await asyncio.sleep(1e9 if self.hangs in texts else self.call_s)
        self.embedded += len(texts)
        return [vector_of(text) for text in texts]


def test_a_large_document_on_a_slow_model_is_done_at_the_first_attempt():
    async def handled():
        embedder = SlowEmbedder(LIMIT_S / 2)
        coalesced = CoalescedEmbedder(embedder, max_in_flight=1)
        tried = await attempts()(lambda: coalesced.embed_documents(TEXTS))
        return embedder, tried, monotonic()

    embedder, tried, took_s = run(handled())
    assert took_s >= 5 * LIMIT_S
    assert (tried.attempts, len(tried.outcome), embedder.embedded) == (1, 320, 320)


def test_who_stands_in_a_line_that_moves_is_not_hung():
    async def handled():
        coalesced, tries = CoalescedEmbedder(SlowEmbedder(LIMIT_S / 2), max_in_flight=1), attempts()
        return await asyncio.gather(
            tries(lambda: coalesced.embed_documents(TEXTS)),
            tries(lambda: coalesced.embed_documents(["one more"])),
        )

    assert [one.attempts for one in run(handled())] == [1, 1]


def test_what_hangs_is_tried_again_and_then_a_dead_letter_even_where_something_came_of_it_before():
    async def handled():
        coalesced = CoalescedEmbedder(SlowEmbedder(1.0, hangs=TEXTS[40]))
        tried = await attempts()(lambda: coalesced.embed_documents(TEXTS))
        return tried, monotonic()

    tried, took_s = run(handled())
    assert isinstance(tried.outcome, Rejected)
    assert (tried.outcome.code, tried.attempts) == ("poison", 5)
    assert took_s < 5 * (LIMIT_S + 60)


def test_progress_counts_from_its_last_sign():
    async def handled():
        begun = []

        async def handle():
            begun.append(monotonic())
            for _ in range(3):
                await asyncio.sleep(LIMIT_S - 1)
                alive()()
            if len(begun) == 1:
                await asyncio.Event().wait()

        return await attempts()(handle), begun

    tried, begun = run(handled())
    assert tried.attempts == 2
    assert begun[1] == pytest.approx(3 * (LIMIT_S - 1) + LIMIT_S, abs=10)


def test_what_came_of_an_attempt_that_is_over_harms_nobody():
    async def handled():
        kept = []

        async def handle():
            kept.append(alive())

        tries = attempts()
        await tries(handle)
        await asyncio.sleep(LIMIT_S)
        kept[0]()
        alive()()
        return await tries(handle)

    assert run(handled()).attempts == 1


def test_a_timeout_of_the_handlers_own_is_not_taken_for_the_limit():
    async def handled():
        async def handle():
            raise Retryable("the store took too long", code="store_down")

        return await attempts()(handle)

    assert "store_down" in str(run(handled()).outcome)
