"""Documents, where the reads and writes of concurrent callers go to the store in one call each."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar
from uuid import UUID

from streams.indexing.batching.coalesce import Coalescer
from streams.ports import UNWATCHED, Watch

if TYPE_CHECKING:
    from streams.messages.held import Head, Passage
    from streams.ports import Documents

T = TypeVar("T")
R = TypeVar("R")


class CoalescedDocuments:
    """`Documents` that joins concurrent calls into calls of up to `max_items` heads or passages.

    Reads start after they are asked for, so they see all that was written before. What the store refuses
    (`Rejected`) fails its own caller only.
    """

    def __init__(
        self,
        documents: Documents,
        *,
        max_items: int = 500,
        max_in_flight: int = 2,
        enough: int = 100,
        watch: Watch = UNWATCHED,
    ) -> None:
        self._documents = documents

        def joined(operation: str, call: Callable[[Sequence[T]], Awaitable[Sequence[R]]]) -> Coalescer[T, R]:
            return Coalescer(
                call, max_items=max_items, max_in_flight=max_in_flight, enough=enough,
                watch=watch, operation=operation,
            )  # fmt: skip

        self._heads = joined("heads", self._read_heads)
        self._passages = joined("passages", self._read_passages)
        self._new_passages = joined("write_passages", self._write_passages)
        self._new_heads = joined("write_heads", self._write_heads)

    @property
    def waiting(self) -> Mapping[str, int]:
        """Heads and passages that wait for the next call, by what it is."""
        return {
            "heads": self._heads.waiting,
            "passages": self._passages.waiting,
            "write_passages": self._new_passages.waiting,
            "write_heads": self._new_heads.waiting,
        }

    async def current_heads(self, document_keys: Sequence[UUID]) -> Mapping[UUID, Head]:
        """The head with the highest position of each document that has one."""
        found = await self._heads(document_keys)
        return {key: head for key, head in zip(document_keys, found, strict=True) if head is not None}

    async def heads(self, document_keys: Sequence[UUID]) -> Mapping[UUID, Sequence[Head]]:
        """All heads of each document; in a call of its own, as they are seldom asked for."""
        return await self._documents.heads(document_keys)

    async def passages(self, tenant: str, ids: Sequence[UUID]) -> Sequence[Passage]:
        """The passages that exist among `ids`, with their vectors."""
        found = await self._passages([(tenant, id_) for id_ in ids])
        return [passage for passage in found if passage is not None]

    async def write_passages(self, passages: Sequence[Passage]) -> None:
        """Writes all of them, of any tenants."""
        await self._new_passages(passages)

    async def write_heads(self, heads: Sequence[Head]) -> None:
        """Writes heads, at the strongest consistency that there is."""
        await self._new_heads(heads)

    async def _read_heads(self, keys: Sequence[UUID]) -> Sequence[Head | None]:
        found = await self._documents.current_heads(list(dict.fromkeys(keys)))
        return [found.get(key) for key in keys]

    async def _read_passages(self, wanted: Sequence[tuple[str, UUID]]) -> Sequence[Passage | None]:
        of_tenant: dict[str, dict[UUID, None]] = {}
        for tenant, id_ in wanted:
            of_tenant.setdefault(tenant, {})[id_] = None
        found = {
            (tenant, passage.id): passage
            for tenant, ids in of_tenant.items()
            for passage in await self._documents.passages(tenant, list(ids))
        }
        return [found.get(one) for one in wanted]

    async def _write_passages(self, passages: Sequence[Passage]) -> Sequence[None]:
        await self._documents.write_passages(list({passage.id: passage for passage in passages}.values()))
        return [None] * len(passages)

    async def _write_heads(self, heads: Sequence[Head]) -> Sequence[None]:
        latest = {(head.document_key, head.position): head for head in heads}
        await self._documents.write_heads(list(latest.values()))
        return [None] * len(heads)
