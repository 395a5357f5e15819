"""The index, read: the store of the generation that is live, and the documents that stand in it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from streams.answering.retrieval.standing import Standing
from streams.errors import Retryable
from streams.messages.held import Head, Passage
from streams.ports import Generation
from streams.settings import Settings
from streams.worker.parts import Index, Store, open_index

MAX_AGE_S = 1.0
"""How long the record of generations is believed."""


class LiveIndex:
    """Opened when it is first asked for, and anew where another generation is live. `close` it at the end."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._opening = asyncio.Lock()
        self._index: Index | None = None
        self._store: Store | None = None
        self._generation: Generation | None = None
        self._read_at = float("-inf")
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
        async with self._opening:
            await self._let_go()

    async def _live(self) -> Store | None:
        if time.monotonic() - self._read_at > MAX_AGE_S:
            async with self._opening:
                if time.monotonic() - self._read_at > MAX_AGE_S:
                    await self._look()
        return self._store

    async def _look(self) -> None:
        began = time.monotonic()
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
        except Retryable:
            await self._let_go()
            raise
        self._read_at = began

    async def _let_go(self) -> None:
        store, index = self._store, self._index
        self._store = self._index = self._generation = None
        self._read_at = float("-inf")
        for one in (store, index):
            if one is not None:
                await one.close()
