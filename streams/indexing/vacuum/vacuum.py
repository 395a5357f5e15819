"""Deleting what no head that counts lists any more: superseded heads and passages, old deletions, orphans.

It runs beside the indexers and never takes what one of them may still keep. Two rules see to that:

- An indexer's plan keeps passages of the head that it read, and holds for a lease. So what is superseded is
  told by a base: a head that was current the grace ago, which is longer than a lease. Every plan made before
  that head was there has been carried out by now, or never will be; any later one keeps passages of that head
  or of a higher one. What none of these lists is dropped. The grace counts from when this vacuum first saw
  the head: the head's own stamp is from before it was written, by another's clock. The base need not be
  current any more, or a document that is edited all the time would never be cleaned.
- What is born after the base belongs to a later head, or to one that is about to be written.

From its read of a document's heads to its deletes the vacuum has a lease of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from streams.indexing.vacuum.grace import Grace
from streams.indexing.vacuum.reckoning import always
from streams.indexing.vacuum.turn import Turn
from streams.messages.floors import is_floor, is_swept
from streams.messages.held import Head, current
from streams.messages.position import Position
from streams.pages import pages
from streams.ports import Maintenance, Monotonic, Now, Observer, PassageRef, unobserved

GRACE = timedelta(minutes=2)
DELETIONS_KEPT = timedelta(days=45)
MARGIN = timedelta(days=1)
"""More than clocks differ, a letter lies on its retry topic, and a rollback's first steps take."""
PAGE = 100
"""Documents, or passages, whose heads are read together."""


@dataclass(frozen=True, slots=True)
class Vacuumed:
    """What was deleted. `waiting`: documents with more to delete, once their grace is over.

    `floors` have been there for the grace, and what is below them has no deletions of its own: see `bury`.
    """

    passages: int = 0
    heads: int = 0
    waiting: int = 0
    floors: tuple[Head, ...] = ()

    def __add__(self, other: Vacuumed) -> Vacuumed:
        return Vacuumed(
            self.passages + other.passages,
            self.heads + other.heads,
            self.waiting + other.waiting,
            self.floors + other.floors,
        )


def remembered_since(now: datetime) -> datetime:
    """What comes again from before that may have been deleted, and the deletion forgotten."""
    return now - (DELETIONS_KEPT - MARGIN)


class Vacuum:
    """Deletes what is superseded. Stateless but for when it first saw each head whose grace is running.

    `grace` must be longer than the indexers' lease. A head whose own stamp is older than `trusted_age` is
    past its grace without having been seen before: that is longer than any clock is wrong, or any process
    stands still. A deletion is kept for `deletion_head_keep`, longer than any dead letter lives. A passage
    that no head lists is an orphan after `orphan_age`; where its change was never applied, only after
    `deletion_head_keep`: until then the change may come again and write that very passage. What is stamped
    before `since` counts as of then.

    All methods raise `Retryable` as the port does; what was not done is done another time.
    """

    def __init__(
        self,
        maintenance: Maintenance,
        *,
        now: Now,
        monotonic: Monotonic,
        grace: timedelta = GRACE,
        lease_s: float = 30.0,
        trusted_age: timedelta = timedelta(hours=1),
        deletion_head_keep: timedelta = DELETIONS_KEPT,
        orphan_age: timedelta = timedelta(days=1),
        since: Callable[[], datetime] = always,
        observe: Observer = unobserved,
    ) -> None:
        self._maintenance, self._now, self._monotonic = maintenance, now, monotonic
        self._lease_s, self._deletion_head_keep, self._orphan_age = lease_s, deletion_head_keep, orphan_age
        self._grace = Grace(now, monotonic, grace, trusted_age, since)
        self._since, self._observe = since, observe

    @property
    def grace(self) -> timedelta:
        """How long a head must have been current before what it supersedes is deleted."""
        return self._grace.length

    async def settle(self, document_keys: Sequence[UUID]) -> Mapping[UUID, Vacuumed]:
        """Deletes what is superseded of each document, or begins to count its grace (`waiting`)."""
        turn = self._turn()
        heads = await self._maintenance.heads(document_keys)
        found = {key: self._found(heads.get(key, ())) for key in document_keys}
        cases = {key: one for key, one in found.items() if isinstance(one, _Case)}
        return {
            **{key: one for key, one in found.items() if isinstance(one, Vacuumed)},
            **await self._drop(cases, turn),
        }

    async def run(self) -> Vacuumed:
        """All documents with something superseded, then all orphans."""
        return await self.settle_unsettled() + await self.sweep_orphans()

    async def settle_unsettled(self) -> Vacuumed:
        """Settles all documents of the store that may have something superseded."""
        total = Vacuumed()
        async for keys in pages(self._maintenance.unsettled(self._now() - self._grace.length), PAGE):
            settled = await self.settle(list(dict.fromkeys(keys)))
            total = sum(settled.values(), total)
        return total

    async def sweep_orphans(self) -> Vacuumed:
        """Deletes passages that no head lists; reads every passage of the store that is old enough."""
        unapplied = await self._sweep(self._deletion_head_keep, lambda _ref, _heads: True)
        return unapplied + await self._sweep(self._orphan_age, self._overtaken)

    def _found(self, heads: Sequence[Head]) -> _Case | Vacuumed:
        """What there is to delete of a document with these heads, or why there is nothing."""
        head = current(heads)
        if head is None:
            return Vacuumed()
        older = any(one.position < head.position for one in heads)
        forgotten = self._forgotten(head)
        unswept = is_floor(head) and not is_swept(head)
        if not older and not forgotten and not unswept:
            return Vacuumed()
        base = self._grace.base(heads)
        if base is None:
            return Vacuumed(waiting=1)
        if base.position < head.position:
            return _Case(tuple(heads), base, waiting=True)
        return _Case(tuple(heads), base, forgotten=forgotten, floors=(head,) if unswept else ())

    def _forgotten(self, head: Head) -> bool:
        """Whether nothing older can come any more; of what is below a floor it always can."""
        return head.deleted and not is_floor(head) and self._grace.age(head) >= self._deletion_head_keep

    async def _drop(self, cases: Mapping[UUID, _Case], turn: Turn) -> Mapping[UUID, Vacuumed]:
        """Deletes what is below the bases, tenant by tenant; where the turn is over, the rest is waited for.

        Of each document passages first, as heads name its tenants: its heads once the last of those is done.
        """
        passages, heads = Counter[UUID](), Counter[UUID]()
        tenants = sorted({tenant for case in cases.values() for tenant in case.tenants})
        for tenant in ("", *tenants):
            of_tenant = {key: case for key, case in cases.items() if tenant in case.tenants}
            if of_tenant and not turn.over:
                passages.update(await self._drop_passages(tenant, of_tenant, turn))
            ended = {key: case for key, case in cases.items() if max(case.tenants, default="") == tenant}
            heads.update(await _drop_heads(ended, turn))
        return {
            key: Vacuumed(passages[key], heads[key], int(case.waiting or turn.over), case.floors)
            for key, case in cases.items()
        }

    async def _drop_passages(self, tenant: str, cases: Mapping[UUID, _Case], turn: Turn) -> Sequence[UUID]:
        """The document of each that is deleted."""
        listed = {key: case.listed for key, case in cases.items()}
        drop = [
            ref
            for ref in await self._maintenance.passages_of(list(cases), tenant)
            if ref.born <= cases[ref.document_key].base.position and ref.id not in listed[ref.document_key]
        ]
        deleted = await turn.delete_passages(tenant, [ref.id for ref in drop])
        return [ref.document_key for ref in drop[:deleted]]

    async def _sweep(
        self, age: timedelta, orphaned: Callable[[PassageRef, Sequence[Head]], bool]
    ) -> Vacuumed:
        total, written_before = Vacuumed(), self._now() - age
        if self._since() > written_before:
            return total
        async for refs in pages(self._maintenance.passages_written_before(written_before), PAGE):
            turn = self._turn()
            heads = await self._maintenance.heads(list({ref.document_key: None for ref in refs}))
            orphans: dict[str, list[UUID]] = {}
            for ref in refs:
                of_document = heads.get(ref.document_key, ())
                if not _listed(ref, of_document) and orphaned(ref, of_document):
                    orphans.setdefault(ref.tenant, []).append(ref.id)
            for tenant, ids in orphans.items():
                total += Vacuumed(passages=await turn.delete_passages(tenant, ids))
            total += Vacuumed(waiting=int(turn.over))
        return total

    def _overtaken(self, ref: PassageRef, heads: Sequence[Head]) -> bool:
        """Whether the document is past the change that wrote this, for good: nobody will list it any more."""
        base = self._grace.base(heads)
        return base is not None and ref.born <= base.position

    def _turn(self) -> Turn:
        return Turn(self._maintenance, self._monotonic, self._lease_s, self._observe)


@dataclass(frozen=True, slots=True)
class _Case:
    """A document, as it was read, of which all below `base` is to be deleted.

    `forgotten`: the base, a deletion, too. `waiting`: there will be more once a later head's grace is over.
    """

    heads: tuple[Head, ...]
    base: Head
    forgotten: bool = False
    waiting: bool = False
    floors: tuple[Head, ...] = ()

    @property
    def tenants(self) -> set[str]:
        """Where it has been."""
        return {head.tenant for head in self.heads if head.tenant is not None}

    @property
    def older(self) -> list[Position]:
        """Of the heads below the base."""
        return [head.position for head in self.heads if head.position < self.base.position]

    @property
    def last(self) -> list[Position]:
        """Of the deletion that need not hide anything any more."""
        return [self.base.position] if self.forgotten else []

    @property
    def listed(self) -> set[UUID]:
        """Passages of the base and of all heads above it."""
        kept = [head for head in self.heads if head.position >= self.base.position]
        return {entry.id for head in kept for entry in head.passages}


async def _drop_heads(cases: Mapping[UUID, _Case], turn: Turn) -> Counter[UUID]:
    """How many of each document; deletions, which hide the others, after those."""
    dropped = Counter[UUID]()
    for positions in (
        {key: case.older for key, case in cases.items()},
        {key: case.last for key, case in cases.items()},
    ):
        if await turn.delete_heads(positions):
            dropped.update({key: len(some) for key, some in positions.items()})
    return dropped


def _listed(ref: PassageRef, heads: Sequence[Head]) -> bool:
    return any(entry.id == ref.id for head in heads for entry in head.passages)
