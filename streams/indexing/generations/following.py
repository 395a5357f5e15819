"""Applying changes where the index has generations: to the one that is live, and from it to the others.

A change is applied to the live generation, which decides its position and its outcome; then the document,
as it is there now, is carried on. The record of generations is read again in between, and is then at most
some seconds old. So of a generation whose build has begun longer ago than that, no change can miss it: the
worker that applied it saw the record, or the copy, which begins later, finds the change in the live one.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from streams.errors import Misconfigured, Rejected, Retryable
from streams.indexing.applied import Applied, Applies
from streams.indexing.generations.carry import Carry
from streams.messages.changes import Change, Truncation, document_key
from streams.messages.records import Offset
from streams.ports import Documents, Generation, Generations, Observed, Observer, unobserved

REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class Writing:
    """One generation, as it is written."""

    generation: Generation
    documents: Documents
    indexer: Applies


@dataclass(frozen=True, slots=True)
class Followed:
    """The record as it was a moment ago; `mirrored`: the generation before is still written, too."""

    record: Generations
    mirrored: bool = False

    def others(self, written: Generation) -> list[Generation]:
        """The generations that a change goes to beside the one that it was applied to."""
        record = self.record
        wanted = [record.live, record.building, record.previous if self.mirrored else None]
        return [one for one in wanted if one is not None and one.name != written.name]


class FollowingIndexer:
    """An indexer of all generations that a change must go to.

    `follow` gives the record, `write` a generation. What another generation than the live one refuses
    (`Rejected`) is hidden there, observed, and found again by who builds it: the change is applied all the
    same. Where it can't be written now, this raises `Retryable`, and the change is not done until it is.
    """

    def __init__(
        self,
        follow: Callable[[], Awaitable[Followed]],
        write: Callable[[Generation], Awaitable[Writing]],
        observe: Observer = unobserved,
    ) -> None:
        self._follow, self._write, self._observe = follow, write, observe
        self._half_done: OrderedDict[tuple[UUID, Offset], Applied] = OrderedDict()

    async def apply(self, change: Change | Truncation) -> Applied:
        """As the live generation's indexer; done only when the others have the change as well."""
        live = await self._write((await self._follow()).record.live)
        applied = self._begun(change, await live.indexer.apply(change))
        for other in (await self._follow()).others(live.generation):
            for key in _touched(change):
                await self._carry(key, live, other)
        self._half_done.pop((change.key, change.at), None)
        return applied

    def _begun(self, change: Change | Truncation, applied: Applied) -> Applied:
        """What became of the change when it was first applied: tried again, it finds itself there."""
        first = self._half_done.setdefault((change.key, change.at), applied)
        if len(self._half_done) > REMEMBERED:
            self._half_done.popitem(last=False)
        return first

    async def _carry(self, key: UUID, live: Writing, other: Generation) -> None:
        try:
            target = await self._write(other)
            await Carry(live.documents, target.documents, target.indexer).bring(key)
        except Rejected as error:
            self._observe(Observed("generation_refusals", labels={"code": error.code}))
        except Misconfigured as error:
            raise unwritable(other, error) from error
        else:
            self._observe(Observed("generation_carried"))


def _touched(change: Change | Truncation) -> Sequence[UUID]:
    """The documents that applying a change may have written: of a row that moved also that of its old key."""
    moved_from = change.moved_from if isinstance(change, Change) else None
    return [change.key] if moved_from is None else [change.key, document_key(change.source, moved_from)]


def unwritable(other: Generation, error: Misconfigured) -> Retryable:
    """Why a change can't be done: somebody must act, but the worker need not stop for it."""
    return Retryable(
        f"the generation {other.name} of the index, which is written beside the live one, can't be: {error};"
        " `rag-streams reindex --abandon` gives up one that is being built",
        code="generation_unwritable",
    )
