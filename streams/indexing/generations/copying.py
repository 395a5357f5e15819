"""Copying all documents of one generation into another: what is there already is only looked at.

So it may be stopped at any point, and begun again: what it goes by is what the other generation holds.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from uuid import UUID

from streams.errors import Rejected
from streams.indexing.generations.carry import Carry
from streams.indexing.generations.patience import Patience
from streams.pages import pages
from streams.ports import Catalogue, Monotonic

PAGE = 200
SLOTS = 64
NAMED = 20
"""Documents that are named where many are refused."""


@dataclass(slots=True)
class Copied:
    """How far a copy is: documents looked at, those brought, those that the target refuses, by code.

    `replaced`: of those brought, the ones that the target showed in another state.
    """

    looked_at: int = 0
    brought: int = 0
    replaced: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    named: list[tuple[UUID, str]] = field(default_factory=list)
    waits_for: str | None = None


class Copying:
    """One walk over all documents, in the order of their keys, up to `slots` of them at once.

    Where something is down it is waited for, up to `patience_s` seconds for one document.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        carry: Carry,
        *,
        monotonic: Monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        slots: int = SLOTS,
        patience_s: float = 600.0,
        progress: Callable[[Copied], None] = lambda _: None,
    ) -> None:
        self._catalogue, self._carry = catalogue, carry
        self._patience = Patience(monotonic, patience_s, sleep, self._waits)
        self._slots, self._progress = slots, progress
        self._copied = Copied()

    async def __call__(self) -> Copied:
        """Brings whatever is behind. Raises `Retryable` where patience ends, `Misconfigured` at once."""
        try:
            async with asyncio.TaskGroup() as bringing:
                await self._walk(bringing)
        except BaseExceptionGroup as group:
            # One failure ends the walk; those that it brings along say no more.
            raise group.exceptions[0] from group
        return self._copied

    async def _walk(self, bringing: asyncio.TaskGroup) -> None:
        free = asyncio.Semaphore(self._slots)
        async for page in pages(self._catalogue.document_keys(), PAGE):
            behind = await self._patience(partial(self._carry.behind, page))
            self._looked_at(len(page) - len(behind))
            for key in behind:
                await free.acquire()
                bringing.create_task(self._bring(key, free))

    async def _bring(self, key: UUID, free: asyncio.Semaphore) -> None:
        try:
            brought = await self._patience(partial(self._carry.bring, key))
        except Rejected as error:
            self._copied.refused[error.code] += 1
            if len(self._copied.named) < NAMED:
                self._copied.named.append((key, error.code))
        else:
            self._copied.brought += brought != "there"
            self._copied.replaced += brought == "replaced"
        finally:
            free.release()
        self._looked_at(1)

    def _looked_at(self, documents: int) -> None:
        self._copied.looked_at += documents
        self._progress(self._copied)

    def _waits(self, why: str | None) -> None:
        self._copied.waits_for = why
        self._progress(self._copied)
