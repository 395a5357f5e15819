"""The store: what the ports ask for, done by SQLite in one thread of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from uuid import UUID

from streams.messages.held import Head, Passage
from streams.messages.position import Position
from streams.ports import Hit, PassageRef, SearchQuery
from streams.stores.chunks import chunks
from streams.stores.encoded import check_passage, encoded_time
from streams.stores.sqlite import catalogue, documents, facts, maintenance, schema, search
from streams.stores.sqlite.handle import Handle, opened
from streams.stores.vectors import check_vector

CHUNK = 500
"""Documents or passages that are read or written in one go, so that others get their turn between."""


async def open_sqlite(path: Path | None, *, dimension: int) -> SqliteStore:
    """The store in the file at `path`, made where there is none; None: in memory, gone when it is closed.

    Several processes may have the same file open. Raises `Misconfigured` where the file is none of ours
    or holds vectors of another dimension.
    """
    return SqliteStore(await opened(path, partial(schema.connect, dimension=dimension)), dimension=dimension)


class SqliteStore:
    """`Documents`, `Search`, `Maintenance`, `Catalogue` and `Names` in one SQLite file."""

    def __init__(self, handle: Handle, *, dimension: int) -> None:
        self._handle, self._dimension = handle, dimension
        self._run = handle.run

    async def heads(self, document_keys: Sequence[UUID]) -> Mapping[UUID, Sequence[Head]]:
        """All heads of each document, in no order."""
        found: dict[UUID, Sequence[Head]] = {}
        for keys in chunks(list(dict.fromkeys(document_keys)), CHUNK):
            found.update(await self._run(documents.read_heads, keys))
        return found

    async def current_heads(self, document_keys: Sequence[UUID]) -> Mapping[UUID, Head]:
        """The head with the highest position of each document."""
        found: dict[UUID, Head] = {}
        for keys in chunks(list(dict.fromkeys(document_keys)), CHUNK):
            found.update(await self._run(documents.read_current_heads, keys))
        return found

    async def write_heads(self, heads: Sequence[Head]) -> None:
        """Writes heads; on the disk on return."""
        for some in chunks(heads, CHUNK):
            await self._run(documents.write_heads, some)

    async def delete_heads(self, positions: Mapping[UUID, Collection[Position]]) -> None:
        """Deletes those of each document."""
        if any(positions.values()):
            await self._run(documents.delete_heads, positions)

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

    async def passages_of(self, document_keys: Sequence[UUID], tenant: str) -> Sequence[PassageRef]:
        """Every passage of these documents in that tenant."""
        return await self._run(maintenance.passages_of, document_keys, tenant)

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

    async def named(self, tenant: str, document_ids: Sequence[str]) -> Collection[UUID]:
        """The keys of all documents that have a head of this tenant with one of these ids."""
        found: set[UUID] = set()
        for some in chunks(list(dict.fromkeys(document_ids)), CHUNK):
            found.update(UUID(key) for key in await self._run(catalogue.named, tenant, some))
        return found

    async def present(self, tenant: str, ids: Sequence[UUID]) -> Collection[UUID]:
        """Which of these passages exist; of a tenant that does not exist, none."""
        found: set[UUID] = set()
        for some in chunks(list(dict.fromkeys(ids)), CHUNK):
            found.update(UUID(id_) for id_ in await self._run(catalogue.present, tenant, some))
        return found

    async def note(self, name: str) -> str | None:
        """The text under this name; None where there is none."""
        return await self._run(facts.note, name)

    async def set_note(self, name: str, text: str) -> None:
        """Writes the text, in place of the one that was there."""
        await self._run(facts.set_note, name, text)

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
        await self._handle.close()
