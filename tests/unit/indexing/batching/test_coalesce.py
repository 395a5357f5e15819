from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.errors import PromptTooLong, Rejected, Retryable, TooMuch
from streams.indexing.batching.coalesce import Coalescer
from streams.indexing.batching.documents import CoalescedDocuments
from streams.indexing.batching.embed import CoalescedEmbedder
from streams.indexing.plan import passage
from tests.unit.indexing.memory_store import MemoryStore
from tests.unit.indexing.stepping import HashEmbedder, vector_of
from tests.unit.indexing.test_plan import WRITTEN, change, planned


class Backend:
    """Doubles numbers; refuses the negative; while `gate` is closed a call stays under way."""

    def __init__(self):
        self.calls, self.under_way, self.most = [], 0, 0
        self.gate, self.called = asyncio.Event(), asyncio.Semaphore(0)
        self.gate.set()
        self.fail = None

    async def __call__(self, items):
        self.calls.append(list(items))
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        self.called.release()
        try:
            await asyncio.sleep(0)
            await self.gate.wait()
        finally:
            self.under_way -= 1
        if self.fail:
            raise self.fail
        if any(item < 0 for item in items):
            raise Rejected("a negative number: write it without its sign", code="negative")
        return [2 * item for item in items]


@pytest.fixture
async def backend():
    return Backend()


async def closed(backend, coalescer):
    """A call that stays under way until the gate opens."""
    backend.gate.clear()
    task = asyncio.create_task(coalescer([0]))
    await backend.called.acquire()
    return task


async def submitted(coalescer, *many):
    tasks = [asyncio.create_task(coalescer(items)) for items in many]
    await asyncio.sleep(0)
    return tasks


async def test_each_caller_gets_its_own_results_in_order(backend):
    coalescer = Coalescer(backend, max_items=10)
    assert await asyncio.gather(coalescer([1, 2]), coalescer([3]), coalescer([])) == [[2, 4], [6], []]


async def test_calls_of_one_moment_leave_together_at_once(backend):
    coalescer = Coalescer(backend, max_items=10)
    await asyncio.gather(coalescer([1]), coalescer([2]), coalescer([3]))
    assert backend.calls == [[1, 2, 3]]


async def test_beside_another_call_one_begins_only_with_enough(backend):
    coalescer = Coalescer(backend, max_items=10, max_in_flight=2, enough=3)
    first = await closed(backend, coalescer)
    waiting = await submitted(coalescer, [1], [2])
    await asyncio.sleep(0)
    assert backend.calls == [[0]]
    waiting += await submitted(coalescer, [3])
    await backend.called.acquire()
    assert backend.calls == [[0], [1, 2, 3]]
    backend.gate.set()
    await asyncio.gather(first, *waiting)


async def test_what_is_never_enough_leaves_once_nothing_is_under_way(backend):
    coalescer = Coalescer(backend, max_items=10, max_in_flight=2, enough=3)
    first = await closed(backend, coalescer)
    (cancelled, waiting) = await submitted(coalescer, [1, 2], [3])
    cancelled.cancel()
    backend.gate.set()
    assert [await first, await waiting] == [[0], [6]]
    assert await coalescer([4]) == [8]


async def test_what_comes_while_a_call_is_under_way_leaves_together_after_it(backend):
    coalescer = Coalescer(backend, max_items=10)
    first = await closed(backend, coalescer)
    waiting = await submitted(coalescer, [1], [2], [3])
    assert backend.calls == [[0]]
    backend.gate.set()
    assert [*await asyncio.gather(*waiting), await first] == [[2], [4], [6], [0]]
    assert backend.calls == [[0], [1, 2, 3]]


async def test_no_call_is_larger_than_it_may_be(backend):
    coalescer = Coalescer(backend, max_items=3)
    results = await asyncio.gather(coalescer(range(7)), coalescer([7]))
    assert results == [[0, 2, 4, 6, 8, 10, 12], [14]]
    assert [len(call) for call in backend.calls] == [3, 3, 2]


async def test_no_more_calls_are_under_way_than_may_be(backend):
    coalescer = Coalescer(backend, max_items=1, max_in_flight=2)
    await asyncio.gather(*(coalescer([n]) for n in range(6)))
    assert len(backend.calls) == 6
    assert backend.most == 2


async def test_a_refused_item_fails_its_own_caller_only(backend):
    coalescer = Coalescer(backend, max_items=100)
    items = [[n] for n in range(1, 20)] + [[-1], [20, -2]]
    outcomes = await asyncio.gather(*(coalescer(one) for one in items), return_exceptions=True)
    assert outcomes[:19] == [[2 * n] for n in range(1, 20)]
    assert [one.code for one in outcomes[19:]] == ["negative", "negative"]


async def test_an_outage_fails_all_alike_and_is_not_tried_in_halves(backend):
    coalescer = Coalescer(backend, max_items=100)
    backend.fail = Retryable("down")
    outcomes = await asyncio.gather(coalescer([1]), coalescer([2]), return_exceptions=True)
    assert outcomes == [backend.fail, backend.fail]
    assert backend.calls == [[1, 2]]
    backend.fail = None
    assert await coalescer([3]) == [6]


async def test_a_caller_that_leaves_does_not_hurt_the_others(backend):
    coalescer = Coalescer(backend, max_items=10)
    first = await closed(backend, coalescer)
    leaves, stays = await submitted(coalescer, [1], [2])
    leaves.cancel()
    first.cancel()
    await asyncio.sleep(0)
    backend.gate.set()
    assert await stays == [4]
    assert backend.calls == [[0], [2]], "what nobody waits for is not asked"
    assert leaves.cancelled()
    assert first.cancelled()


async def test_a_call_that_cancels_itself_is_worth_another_try(backend):
    coalescer = Coalescer(backend, max_items=10)
    backend.fail = asyncio.CancelledError()
    with pytest.raises(Retryable):
        await coalescer([1])


async def test_a_backend_that_miscounts_fails_its_callers():
    async def nothing(_items):
        return []

    with pytest.raises(ValueError, match="1 items gave 0 results"):
        await Coalescer(nothing, max_items=10)([1])


async def test_a_text_that_is_too_long_fails_only_the_document_that_has_it():
    class Picky(HashEmbedder):
        async def embed_documents(self, texts):
            if "long" in texts:
                raise PromptTooLong("a text has more tokens than the model's window: split it")
            return await super().embed_documents(texts)

    embedder = CoalescedEmbedder(Picky(), max_texts=8)
    outcomes = await asyncio.gather(
        embedder.embed_documents(["a", "b"]),
        embedder.embed_documents(["long"]),
        embedder.embed_documents(["c"]),
        return_exceptions=True,
    )
    assert outcomes[0] == [vector_of("a"), vector_of("b")]
    assert isinstance(outcomes[1], PromptTooLong)
    assert outcomes[2] == [vector_of("c")]
    assert await embedder.embed_query("q") == vector_of("q")
    assert (embedder.model, embedder.dimension, embedder.window) == ("hash", 2, 64)


class Counting(MemoryStore):
    """Counts calls."""

    def __init__(self):
        super().__init__()
        self.calls = []

    async def current_heads(self, document_keys):
        self.calls.append(("heads", len(document_keys)))
        return await super().current_heads(document_keys)

    async def write_heads(self, heads):
        self.calls.append(("write_heads", len(heads)))
        await super().write_heads(heads)


async def test_concurrent_reads_and_writes_become_one_call_of_the_store_each():
    store = Counting()
    documents = CoalescedDocuments(store)
    one, other = planned(change(1, "a")).head, planned(change(2, "b")).head
    await asyncio.gather(
        documents.write_heads([one]), documents.write_heads([other]), documents.write_heads([one])
    )
    key = one.document_key
    found = await asyncio.gather(documents.current_heads([key]), documents.current_heads([key]))
    assert store.calls == [("write_heads", 2), ("heads", 1)]
    assert found == [{key: other}] * 2


async def test_passages_of_several_tenants_are_read_in_one_go_and_told_apart():
    documents = CoalescedDocuments(MemoryStore())
    plans = [planned(change(n, "a", tenant=tenant)) for n, tenant in enumerate(("t", "u"))]
    written = [passage(made.head, made.drafts[0].id, "a", (1.0,), WRITTEN) for made in plans]
    await documents.write_passages(written)
    ids = [one.id for one in written]
    found = await asyncio.gather(
        documents.passages("t", ids), documents.passages("u", ids), documents.passages("v", ids)
    )
    assert found == [[written[0]], [written[1]], []]


class Slow:
    """Takes `most` items in a call; more of them are too much. Nothing but that once it hangs."""

    def __init__(self, most):
        self.most, self.hangs, self.sizes = most, False, []

    async def __call__(self, items):
        self.sizes.append(len(items))
        await asyncio.sleep(0)
        if self.hangs or len(items) > self.most:
            raise TooMuch("it took too long", code="timeout")
        return [2 * item for item in items]


async def test_a_call_that_was_too_much_is_made_in_halves_and_later_calls_are_smaller():
    slow = Slow(5)
    coalescer = Coalescer(slow, max_items=8)
    assert await coalescer(range(8)) == [2 * n for n in range(8)]
    assert slow.sizes == [8, 4, 4]
    assert coalescer.at_once == 4
    assert await coalescer(range(10)) == [2 * n for n in range(10)]
    assert slow.sizes[3:] == [4, 4, 2]


async def test_halves_of_several_callers_give_each_its_own():
    slow = Slow(5)
    coalescer = Coalescer(slow, max_items=9)
    assert await asyncio.gather(coalescer([1, 2, 3]), coalescer([4, 5]), coalescer([6, 7, 8, 9])) == [
        [2, 4, 6],
        [8, 10],
        [12, 14, 16, 18],
    ]


async def test_what_is_too_much_in_halves_too_is_told_at_once_and_asked_for_by_less_the_next_time():
    slow = Slow(1)
    coalescer = Coalescer(slow, max_items=8)
    with pytest.raises(TooMuch) as raised:
        await coalescer(range(8))
    assert raised.value.progress
    assert slow.sizes == [8, 4]
    slow.sizes.clear()
    with pytest.raises(TooMuch):
        await coalescer(range(8))
    assert slow.sizes == [4, 2]
    slow.sizes.clear()
    assert await coalescer(range(3)) == [0, 2, 4]
    assert slow.sizes == [2, 1, 1, 1]
    assert coalescer.at_once == 1


async def test_a_hang_makes_calls_smaller_once_however_many_stand_in_line_and_not_for_long():
    slow = Slow(32)
    coalescer = Coalescer(slow, max_items=32, max_in_flight=2)
    for _ in range(4):
        slow.hangs = True
        outcomes = await asyncio.gather(*(coalescer(range(8)) for _ in range(40)), return_exceptions=True)
        assert {type(one) for one in outcomes} == {TooMuch}
        assert coalescer.at_once == 16
        slow.hangs = False
        for _ in range(60):
            await coalescer(range(5))
        assert coalescer.at_once == 32


@settings(deadline=None, max_examples=50)
@given(most=st.integers(1, 32), items=st.lists(st.integers(1, 40), min_size=1, max_size=30))
def test_whatever_a_server_takes_in_time_who_asks_again_is_answered(most, items):
    async def told(coalescer, count):
        """How often the caller had to ask."""
        for asked in range(1, 20):
            try:
                assert await coalescer(range(count)) == [2 * n for n in range(count)]
            except TooMuch:
                continue
            return asked
        return 20

    async def everybody():
        coalescer = Coalescer(Slow(most), max_items=32, max_in_flight=2)
        return await asyncio.gather(*(told(coalescer, count) for count in items))

    assert max(asyncio.run(everybody())) <= 8


async def test_of_one_item_nothing_is_too_much_at_once():
    slow = Slow(1)
    slow.hangs = True
    with pytest.raises(Retryable) as raised:
        await Coalescer(slow, max_items=8)([1])
    assert (type(raised.value), raised.value.code, raised.value.progress) == (Retryable, "timeout", False)
    assert slow.sizes == [1]


async def test_a_server_that_hangs_is_told_after_two_calls():
    slow = Slow(8)
    slow.hangs = True
    coalescer = Coalescer(slow, max_items=8)
    outcomes = await asyncio.gather(coalescer([1, 2, 3]), coalescer([4, 5]), return_exceptions=True)
    assert [type(one) for one in outcomes] == [TooMuch, TooMuch]
    assert slow.sizes == [5, 2]
    slow.hangs = False
    assert await coalescer([1, 2]) == [2, 4]
