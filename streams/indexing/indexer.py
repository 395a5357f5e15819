"""Applying a change: the document becomes what the change says, all of it or not at all.

Heads and passages are never changed, only added: passages first, then the head that lists them, which is
the flip. Nothing is deleted here; see `vacuum`. A crash between any two steps leaves a state from which
applying the change again ends the same.

A plan keeps passages that the vacuum may be about to drop, so it holds for a lease only: from the read
that it was made from until right before its head is written.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from streams import aside
from streams.errors import PromptTooLong
from streams.indexing.applied import Applied
from streams.indexing.batching.left import Left
from streams.indexing.cutting.chunk import Chunking
from streams.indexing.cutting.cut import Cutter
from streams.indexing.embedding import Embedding, Progress
from streams.indexing.moved import Moved
from streams.indexing.order import found, repeats, stale
from streams.indexing.passages import Passages
from streams.indexing.plan import Plan, plan
from streams.indexing.repair import Repair
from streams.indexing.truncate import truncate
from streams.indexing.work import Work
from streams.messages.changes import Change, Document, Incomplete, Truncation, floor_key
from streams.messages.held import Head
from streams.messages.receipts import PassageCounts
from streams.ports import Documents, Embedder, Monotonic, Now, Observed, Observer, unobserved

LEASE_S = 30.0
"""Seconds for which a plan holds; the vacuum's grace must be longer."""

Sleep = Callable[[float], Awaitable[None]]
"""Waits for some seconds."""


class Indexer:
    """Brings documents to the state that changes describe. One for a process, used concurrently.

    `lease_s` is how long a plan holds, by `monotonic`, from the read that it was made from. The vectors that
    a failed attempt had are `left` to the next one, as those of this `generation`.
    """

    def __init__(
        self,
        documents: Documents,
        embedder: Embedder,
        *,
        cutter: Cutter,
        chunking: Chunking,
        now: Now,
        monotonic: Monotonic,
        sleep: Sleep = aside.sleep,
        lease_s: float = LEASE_S,
        observe: Observer = unobserved,
        left: Left | None = None,
        generation: str = "",
    ) -> None:
        self._documents = documents
        self._embedding = Embedding(embedder, left or Left(), generation, monotonic)
        self._passages = Passages(documents, self._embedding, now, monotonic)
        self._cutter, self._chunking = cutter, chunking
        self._now, self._monotonic, self._sleep = now, monotonic, sleep
        self._lease_s, self._observe = lease_s, observe
        self._moved = Moved(documents, sleep)
        self._repair = Repair(documents, embedder, cutter, chunking, now, observe)

    async def apply(self, change: Change | Truncation) -> Applied:
        """Brings the document, or the source's floor, to this change, or finds it there or beyond (`stale`).

        May be called again for the same change, by anyone, at any time. Raises `Rejected` where the
        document can't be parsed or no cut of it fits the model, and as the ports do.
        """
        if isinstance(change, Truncation):
            return await truncate(self._documents, change, self._now)
        with self._embedding.attempt(change.key, change.at) as hand:
            work = Work(change, change, self._chunking, hand, await self._moved.row(change))
            while True:
                try:
                    applied = await self._apply(work)
                except PromptTooLong:
                    self._observe(Observed("prompts_too_long"))
                    if not work.halve():
                        raise
                else:
                    await self._moved.let_go(change)
                    return applied

    @property
    def embedding(self) -> Sequence[Progress]:
        """How far the documents are that are applied now."""
        return self._embedding.underway

    async def _apply(self, work: Work) -> Applied:
        planned: Plan | None = None
        while True:
            leased = self._monotonic()
            held, floor = await self._found(work.change)
            planned = await self._plan(work, held, floor, planned)
            if planned.head is None:
                await self._repair_repeated(work.change, planned.base)
                return _stale(planned)
            if await self._passages.fetch_vectors(work, planned) and self._aged(leased):
                continue
            await self._passages.write(work, planned)
            if self._late(leased):
                continue
            head = await self._flip(work, planned.head)
            if self._late(leased):
                await self._repair_late(work, head)
                if await self._is_undone(work.said):
                    continue
            return self._applied(work, planned, superseded=held is not None)

    async def _found(self, change: Change) -> tuple[Head | None, Head | None]:
        """The document's current head and its source's floor, read together: what is below that is gone."""
        floor = floor_key(change.source)
        heads = await self._documents.current_heads([change.key, floor])
        return heads.get(change.key), heads.get(floor)

    async def _plan(self, work: Work, held: Head | None, floor: Head | None, last: Plan | None) -> Plan:
        """The last plan where the document is still what that was made from, else a new one."""
        base = found(held, floor, work.said)
        if last is not None and base == last.base:
            return last
        work.find(base)
        document = work.change.document
        if work.chunks is None and isinstance(document, Document) and not stale(work.change, base):
            work.chunks = await self._cutter.chunks(document, work.chunking)
        return plan(held, work.change, work.chunks or (), written=self._now(), floor=floor)

    async def _flip(self, work: Work, planned: Head) -> Head:
        started = self._monotonic()
        head = replace(planned, written=self._now())
        await self._documents.write_heads([head])
        work.write_s += self._monotonic() - started
        return head

    def _aged(self, leased: float) -> bool:
        """Whether so much of the lease is gone that it is worth another read to begin it anew.

        Not for the sake of what came meanwhile: a plan is right where it holds. The highest head is the
        document whichever of two was written first, and what the plan keeps is there until the lease ends.
        """
        return self._monotonic() - leased > self._lease_s / 3

    def _late(self, leased: float) -> bool:
        late = self._monotonic() - leased > self._lease_s
        if late:
            self._observe(Observed("late_plans"))
        return late

    async def _repair_late(self, work: Work, head: Head) -> None:
        """Sees to it that a head that came late lists only what exists.

        Twice: a vacuum that read the heads before this one was there may still be at its deletes, for as
        long as its own lease.
        """
        document = work.change.document
        if not isinstance(document, Document):
            return
        await self._repair(document, head)
        await self._sleep(self._lease_s)
        await self._repair(document, head)

    async def _is_undone(self, change: Change) -> bool:
        """Whether the document is not at this change, nor beyond it, though its head was written.

        The change has the time of the document that it found; a truncation gave that a later one since.
        """
        held, floor = await self._found(change)
        return not stale(change, found(held, floor, change))

    async def _repair_repeated(self, change: Change, base: Head | None) -> None:
        """As above, for one who was late and then lost: the change comes again, and finds its own head."""
        if base is None or base.deleted or not repeats(change, base):
            return
        # What the record left out is in the row that was kept when it was first applied.
        whole = change.document.fill(base.row) if isinstance(change.document, Incomplete) else change
        if isinstance(whole.document, Document):
            await self._repair(whole.document, base)

    def _applied(self, work: Work, planned: Plan, *, superseded: bool) -> Applied:
        head = planned.head
        if head is None:
            return _stale(planned)
        total = len(head.passages)
        embedded = len(work.hand.embedded.intersection(draft.content_hash for draft in planned.drafts))
        self._observe(Observed("passages_embedded", embedded))
        self._observe(Observed("passages_reused", total - embedded))
        self._observe(Observed("embed_seconds", work.embed_s))
        self._observe(Observed("write_seconds", work.write_s))
        return Applied(
            outcome=planned.outcome,
            reason=planned.reason,
            tenant=head.tenant,
            document_id=head.document_id,
            position=head.position,
            passages=PassageCounts(
                total=total, embedded=embedded, reused=total - embedded, removed=planned.removed
            ),
            superseded=superseded,
            embed_s=work.embed_s,
            write_s=work.write_s,
        )


def _stale(planned: Plan) -> Applied:
    base = planned.base
    return Applied(
        planned.outcome,
        planned.reason,
        base.tenant if base else None,
        base.document_id if base else None,
        base.position if base else None,
    )
