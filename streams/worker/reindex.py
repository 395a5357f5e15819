"""A reindex: the next generation registered, filled, judged, switched to; and the ways back.

Each step can be begun again by another process, as it goes by what the index holds. Nothing keeps two of
these from running at once but what each does after it has changed the record: it waits until every worker
has seen it, and looks whether the record is still its own (as in Fischer's mutual exclusion: Lamport, A Fast
Mutual Exclusion Algorithm, 1987). Who lost ends with an error before it has done anything.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Protocol

from streams.errors import Misconfigured, Rejected
from streams.evaluation.expected import Expected
from streams.evaluation.retrieval import Evaluation
from streams.evaluation.sampled import sampled
from streams.indexing.batching.documents import CoalescedDocuments
from streams.indexing.batching.embed import CoalescedEmbedder
from streams.indexing.cutting.chunk import Chunking
from streams.indexing.cutting.cut import Cutter
from streams.indexing.generations import steps
from streams.indexing.generations.carry import Carry
from streams.indexing.generations.copying import Copied, Copying
from streams.indexing.indexer import Indexer
from streams.ollama.client import OllamaClient
from streams.ollama.embedder import open_embedder
from streams.ports import Catalogue, Generation, Generations
from streams.reconcile import clean
from streams.worker.clock import Clock
from streams.worker.generations import FOLLOWED_S, Opened, opened
from streams.worker.parts import Index, Store, utc_now
from streams.worker.verdict import Verdict, not_switched, refusals

SAMPLE = 200
"""Questions that are made where none are given."""
KEPT_AFTER_SWITCH = timedelta(minutes=1)
"""A question that was begun before a switch may still be at the generation before."""
HIDDEN = "nothing of them is found, as what was there may be what nobody may read any more, until they change"

Replay = Callable[[Indexer], Awaitable[None]]
"""Applies what the topics say to an indexer."""


class Told(Protocol):
    """Told how it goes on."""

    def step(self, name: str, **facts: object) -> None:
        """A step is done, or one begins that takes long."""
        ...

    def counted(self, step: str, total: int | None) -> None:
        """A walk over so many documents begins; None: nobody knows how many."""
        ...

    def copied(self, copied: Copied) -> None:
        """How far that walk is."""
        ...


class Reindex:
    """The steps. Raise as the index and the model server do, and `Rejected` for what makes no sense now."""

    def __init__(
        self,
        index: Index,
        client: OllamaClient,
        cutter: Cutter,
        told: Told,
        *,
        evaluation: Callable[[Opened], Evaluation],
        alpha: float,
        followed_s: float = FOLLOWED_S,
        kept_after_switch: timedelta = KEPT_AFTER_SWITCH,
    ) -> None:
        self._index, self._client, self._cutter, self._told = index, client, cutter, told
        self._evaluation, self._alpha = evaluation, alpha
        self._followed_s, self._kept = followed_s, kept_after_switch
        self._clock = Clock(index.clock)

    async def record(self) -> Generations:
        """What there is. Raises `Rejected` where there is no index yet."""
        record = await self._index.generations()
        if record is None:
            raise Rejected("there is no index yet: a worker makes it", code="no_index")
        return record

    async def wanted(self, model: str, characters: int, dimension: int | None = None) -> Generation:
        """The generation that a model and a length of passages make; its dimension is asked for."""
        embedder = await open_embedder(self._client, model, dimension)
        chunking = Chunking(max_tokens=embedder.window, target_chars=characters)
        return Generation(model, embedder.dimension, chunking.name)

    async def begin(self, wanted: Generation) -> Generations:
        """Registers `wanted`, or finds it being built."""
        return await self._become(lambda record: steps.begun(record, wanted))

    async def take_back(self) -> Generations:
        """Registers the generation before the live one, to be filled again."""
        now = utc_now()
        return await self._become(lambda record: steps.taken_back(record, now))

    async def fill(self, replay: Replay | None = None) -> Copied:
        """Brings the registered generation to where the live one is; what is there already stays.

        The second walk brings what the first one met in the middle of a change, and what `replay` lacked.
        Raises `Misconfigured` where this machine's clock is off, too.
        """
        record = await self.record()
        if record.building is None:
            raise Rejected("no generation is being built", code="not_building")
        await self._clock.check()
        async with AsyncExitStack() as stack:
            source = await self._store(record.live, stack)
            target = await self._opened(record.building, stack)
            if replay is not None:
                await replay(self._indexer(target))
            total = await _count(source)
            await self._walk("copy", source, target, total)
            return await self._walk("look again", source, target, total)

    async def judge(self, questions: Sequence[Expected] | None) -> Verdict:
        """Recall of the live generation and of the one that was built, on `questions` or on made ones."""
        record = await self.record()
        if record.building is None:
            raise Rejected("no generation is being built", code="not_building")
        async with AsyncExitStack() as stack:
            new = await self._opened(record.building, stack)
            live = await self._opened_if_there(record.live, stack)
            automatic = questions is None
            if questions is None:
                store = live.store if live else await self._store(record.live, stack)
                questions = await sampled(store, count=SAMPLE, seed=record.made)
            self._told.step("evaluate", questions=len(questions), automatic=automatic)
            return Verdict(
                len(questions),
                automatic,
                await self._recall(live, questions, self._alpha),
                await self._recall(new, questions, self._alpha) or 0.0,
                await self._recall(live, questions, 1.0) if automatic else None,
                await self._recall(new, questions, 1.0) if automatic else None,
            )

    def refused(self, copied: Copied) -> None:
        """Names the documents that the target refuses, as many as are named."""
        for key, code in copied.named:
            self._told.step("refused", document_key=str(key), code=code)

    async def switch(self, sources: Sequence[str] = (), *, force: bool = False) -> Generations:
        """Makes the generation that was built the live one, in one step, and keeps the other.

        It knows then when these sources were compared. Right before, it is looked whether it refuses what
        came since it was filled: `Rejected` (`not_switched`), without `force`. Afterwards what a worker was
        in the middle of, or was killed in, is brought along.
        """
        before = await self.record()
        if before.building is not None:
            await self._carry_notes(before.live, before.building, sources)
            copied = await self._look("look before", before.live, before.building)
            if not force and (reason := refusals(copied)):
                self.refused(copied)
                raise not_switched(reason)
        now = utc_now()
        record = await self._become(lambda record: steps.switched(record, now))
        await self._carry_notes(before.live, record.live, sources)
        copied = await self._look("last look", before.live, record.live)
        if copied.refused:
            self.refused(copied)
            self._told.step("hidden", documents=copied.refused.total(), hint=HIDDEN)
        return record

    async def drop(self) -> Generation:
        """Deletes the generation before, once no question is at it any more."""
        record = await self.record()
        _, gone = steps.dropped(record)
        if record.switched is not None:
            left_s = (record.switched + self._kept - utc_now()).total_seconds()
            await asyncio.sleep(min(max(left_s, 0.0), self._kept.total_seconds()))
        await self._index.drop(gone)
        await self._become(lambda record: steps.dropped(record)[0])
        return gone

    async def abandon(self) -> Generation:
        """Deletes the generation that is being built, once no worker writes it any more."""
        # First only set aside: whoever is killed in between finds it to drop.
        await self._become(steps.set_aside)
        return await self.drop()

    async def _become(self, become: Callable[[Generations], Generations]) -> Generations:
        record = await self.record()
        wanted = become(record)
        if wanted != record and not await self._index.replace_generations(record, wanted):
            raise _another()
        await asyncio.sleep(self._followed_s)
        if await self.record() != wanted:
            raise _another()
        return wanted

    async def _carry_notes(self, live: Generation, new: Generation, sources: Sequence[str]) -> None:
        async with AsyncExitStack() as stack:
            await clean.carry(await self._store(live, stack), await self._store(new, stack), sources)

    async def _look(self, step: str, source: Generation, target: Generation) -> Copied:
        """A walk by itself."""
        async with AsyncExitStack() as stack:
            store = await self._store(source, stack)
            return await self._walk(step, store, await self._opened(target, stack), await _count(store))

    async def _walk(self, step: str, source: Store, target: Opened, total: int) -> Copied:
        self._told.counted(step, total)
        documents = CoalescedDocuments(target.store)
        carry = Carry(CoalescedDocuments(source), documents, self._indexer(target), now=utc_now)
        copied = await Copying(source, carry, monotonic=time.monotonic, progress=self._told.copied)()
        self._told.step(
            step,
            documents=copied.looked_at,
            brought=copied.brought,
            replaced=copied.replaced,
            refused=dict(copied.refused),
        )
        return copied

    def _indexer(self, target: Opened) -> Indexer:
        return Indexer(
            CoalescedDocuments(target.store),
            CoalescedEmbedder(target.embedder),
            cutter=self._cutter,
            chunking=target.chunking,
            now=self._clock.late,
            monotonic=time.monotonic,
        )

    async def _recall(
        self, generation: Opened | None, questions: Sequence[Expected], alpha: float
    ) -> float | None:
        if generation is None:
            return None
        return await self._evaluation(generation).recall(questions, weight=alpha)

    async def _store(self, generation: Generation, stack: AsyncExitStack) -> Store:
        store = await self._index.open(generation)
        stack.push_async_callback(store.close)
        return store

    async def _opened(self, generation: Generation, stack: AsyncExitStack) -> Opened:
        one = await opened(self._index, self._client, generation)
        stack.push_async_callback(one.store.close)
        return one

    async def _opened_if_there(self, generation: Generation, stack: AsyncExitStack) -> Opened | None:
        try:
            return await self._opened(generation, stack)
        except Misconfigured:
            return None


async def _count(catalogue: Catalogue) -> int:
    count = 0
    async for _ in catalogue.document_keys():
        count += 1
    return count


def _another() -> Rejected:
    return Rejected(
        "another `rag-streams reindex` is at work: let it end, look with --status, and run this again",
        code="another_reindex",
    )
