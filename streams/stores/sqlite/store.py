"""The store: what the ports ask for, done by SQLite in one thread of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar
from uuid import UUID

import apsw

from streams.errors import Retryable
from streams.messages.held import Head, Passage
from streams.messages.position import Position
from streams.ports import Generation, Hit, PassageRef, SearchQuery
from streams.stores.chunks import chunks
from streams.stores.encoded import check_passage, encoded_time
from streams.stores.sqlite import catalogue, documents, facts, faults, maintenance, schema, search
from streams.stores.vectors import check_vector

P = ParamSpec("P")
T = TypeVar("T")

CHUNK = 500
"""Documents or passages that are read or written in one go, so that others get their turn between."""


async def open_sqlite(path: Path | None, *, dimension: int) -> SqliteStore:
    """The store in the file at `path`, made where there is none; None: in memory, gone when it is closed.

    Several processes may have the same file open. Raises `Misconfigured` where the file is none of ours
    or holds vectors of another dimension.
    """
    thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sqlite")
    try:
        connection = await asyncio.get_running_loop().run_in_executor(thread, schema.connect, path, dimension)
    except BaseException:
        thread.shutdown(wait=False)
        raise
    return SqliteStore(connection, thread, path=path, dimension=dimension)


class SqliteStore:
    """`Documents`, `Search`, `Maintenance` and `Catalogue` in one SQLite file."""

    def __init__(
        self, db: apsw.Connection, thread: ThreadPoolExecutor, *, path: Path | None, dimension: int
    ) -> None:
        self._db = db
        self._thread = thread
        self._path = path
        self._dimension = dimension
        self._closed = False

    async def heads(self, document_keys: Sequence[UUID]) -> Mapping[UUID, Sequence[Head]]:
        """All heads of each document, in no order."""
        found: dict[UUID, Sequence[Head]] = {}
        for keys in chunks(list(dict.fromkeys(document_keys)), CHUNK):
            found.update(await self._run(documents.read_heads, keys))
        return found

    async def write_heads(self, heads: Sequence[Head]) -> None:
        """Writes heads; on the disk on return."""
        for some in chunks(heads, CHUNK):
            await self._run(documents.write_heads, some)

    async def delete_heads(self, document_key: UUID, positions: Sequence[Position]) -> None:
        """Deletes by document and position."""
        if positions:
            await self._run(documents.delete_heads, document_key, positions)

    async def passages(self, tenant: str, ids: Sequence[UUID]) -> Sequence[Passage]:
        """The passages that exist among `ids`, with their vectors, in no order."""
        found: list[Passage] = []
        for some in chunks(list(dict.fromkeys(ids)), CHUNK):
            found.extend(await self._run(documents.read_passages, tenant, some))
        return found

    async def write_passages(self, passages: Sequence[Passage]) -> None:
        """Writes all of them; on the disk on return."""
        for passage in passages:
            check_passage(passage)
            check_vector(passage.vector, self._dimension)
        for some in chunks(passages, CHUNK):
            await self._run(documents.write_passages, some)

    async def delete_passages(self, tenant: str, ids: Sequence[UUID]) -> None:
        """Deletes by id; what is gone already is no error."""
        for some in chunks(ids, CHUNK):
            await self._run(documents.delete_passages, tenant, some)

    async def hybrid(self, query: SearchQuery) -> Sequence[Hit]:
        """The best passages, best first."""
        check_vector(query.vector, self._dimension)
        return await self._run(search.hybrid, query)

    async def word_counts(self, tenant: str, words: Sequence[str]) -> tuple[int, Mapping[str, int]]:
        """How many passages the tenant holds, and how many hold each word."""
        return await self._run(search.word_counts, tenant, words)

    async def unsettled(self, written_before: datetime) -> AsyncIterator[UUID]:
        """Keys of documents with a superseded head or a deletion's, the oldest written before then."""
        after: str | None = ""
        while after is not None:
            keys, after = await self._run(maintenance.unsettled, after, encoded_time(written_before))
            for key in keys:
                yield key

    async def passages_of(self, document_key: UUID, tenant: str) -> Sequence[PassageRef]:
        """Every passage of the document in that tenant."""
        return await self._run(maintenance.passages_of, document_key, tenant)

    async def passages_written_before(self, written: datetime) -> AsyncIterator[PassageRef]:
        """Every passage of every tenant written before then."""
        after: str | None = ""
        while after is not None:
            refs, after = await self._run(maintenance.passages_written_before, after, encoded_time(written))
            for ref in refs:
                yield ref

    async def document_keys(
        self, source: str | None = None, after: UUID | None = None
    ) -> AsyncIterator[UUID]:
        """The keys of all documents that have a head, of `source` if given, above `after`: ascending."""
        last = "" if after is None else str(after)
        while True:
            keys = await self._run(catalogue.document_keys, source, last)
            for key in keys:
                yield UUID(key)
            if len(keys) < catalogue.PAGE:
                return
            last = keys[-1]

    async def generation(self) -> Generation | None:
        """What the index was made with, None before the first `set_generation`."""
        return await self._run(facts.generation)

    async def set_generation(self, generation: Generation) -> None:
        """Says what the index is made with, unless somebody said so before: the first one stays."""
        await self._run(facts.set_generation, generation)

    async def ready(self) -> None:
        """Raises `Retryable` where the file can't be read."""
        await self._run(facts.readable)

    async def canary(self) -> None:
        """Writes and reads one fixed row: raises what every write would raise."""
        await self._run(facts.canary)

    async def version(self) -> str:
        """Of SQLite and sqlite-vec."""
        return await self._run(facts.version)

    async def close(self) -> None:
        """Closes the file once what was begun is done; closing twice is no error."""
        if not self._closed:
            self._closed = True
            await asyncio.get_running_loop().run_in_executor(self._thread, self._db.close)
            self._thread.shutdown(wait=False)

    async def _run(
        self, work: Callable[Concatenate[apsw.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        if self._closed:
            raise Retryable("the index is closed: the program is stopping", code="closed")

        def named() -> T:
            with faults.named(self._path):
                return work(self._db, *args, **kwargs)

        return await asyncio.get_running_loop().run_in_executor(self._thread, named)
