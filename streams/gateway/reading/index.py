"""The index, read: the store of the generation that is live, and the documents that stand in it."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from streams.answering.retrieval.standing import Standing
from streams.errors import Retryable
from streams.messages.held import Head, Passage
from streams.ports import Generation
from streams.settings import Settings
from streams.shared import Shared
from streams.worker.parts import Index, Store, open_index

MAX_AGE_S = 1.0
"""How long the record of generations is believed."""
LIMIT_S = 10.0
"""How long the store may take to be opened, and to say which generation is live."""


class LiveIndex:
    """Opened when it is first asked for, and anew where another generation is live. `close` it at the end."""

    def __init__(self, settings: Settings, *, limit_s: float = LIMIT_S) -> None:
        self._settings, self._limit_s = settings, limit_s
        self._live = Shared(self._look, limit_s=limit_s, late=self._silent, max_age_s=MAX_AGE_S)
        self._index: Index | None = None
        self._store: Store | None = None
        self._generation: Generation | None = None
        self._standing = Standing()

    async def generation(self) -> Generation | None:
        """The live one; None where there is no index yet. Raises `Retryable`."""
        await self._live()
        return self._generation

    async def ready(self) -> None:
        """Raises `Retryable` where the store does not serve."""
        store = await self._live()
        if store is not None:
            await store.ready()

    async def named(self, tenant: str, document_ids: Sequence[str]) -> Collection[UUID]:
        """As `Names.named`. Raises `Retryable`, and `Rejected` (`index_too_old`)."""
        store = await self._live()
        return () if store is None else await store.named(tenant, document_ids)

    async def heads(self, document_keys: Sequence[UUID]) -> Mapping[UUID, Sequence[Head]]:
        """All heads of each document. Raises `Retryable`."""
        store = await self._live()
        return {} if store is None else await store.heads(document_keys)

    async def standing(self, document_keys: Sequence[UUID]) -> Mapping[UUID, Head]:
        """The current head of each that has one, deletions too. Raises `Retryable`."""
        store = await self._live()
        return {} if store is None else await self._standing.heads(store, document_keys)

    async def passages(self, head: Head) -> Mapping[UUID, Passage]:
        """The passages that the head lists, by their ids. Raises `Retryable`."""
        store = await self._live()
        if store is None or head.tenant is None:
            return {}
        found = await store.passages(head.tenant, [listed.id for listed in head.passages])
        return {passage.id: passage for passage in found}

    async def close(self) -> None:
        """Lets go of the store."""
        await self._live.close()
        await self._let_go()

    async def _look(self) -> Store | None:
        try:
            if self._index is None:
                self._index = await open_index(self._settings)
            record = await self._index.generations()
            live = None if record is None else record.live
            if live != self._generation:
                before, self._store = self._store, None if live is None else await self._index.open(live)
                self._generation = live
                if before is not None:
                    await before.close()
        except (Retryable, asyncio.CancelledError):
            await self._let_go()
            raise
        return self._store

    async def _let_go(self) -> None:
        store, index = self._store, self._index
        self._store = self._index = self._generation = None
        self._live.forget()
        for one in (store, index):
            if one is not None:
                await one.close()

    def _silent(self) -> Retryable:
        return Retryable(
            f"the store does not answer within {self._limit_s:g} s: see its log, and `rag-streams doctor`",
            code="store_down",
        )
