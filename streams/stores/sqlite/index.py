"""All generations of an index: the record in its file, and each generation in a file of its own.

The first generation is in the file that the settings name, as the record is; the others stand beside it,
`index.g2.db` beside `index.db`.
"""

from __future__ import annotations

from pathlib import Path

from streams.ports import Generation, Generations
from streams.stores.sqlite import facts, faults, schema
from streams.stores.sqlite.handle import Handle, opened
from streams.stores.sqlite.store import SqliteStore, open_sqlite

FIRST = "g1"


async def open_sqlite_index(path: Path | None) -> SqliteIndex:
    """The index whose file is `path`, made where there is none; None: in memory, gone when it is closed.

    Raises `Misconfigured` where the file is none of ours.
    """
    return SqliteIndex(await opened(path, schema.connect_record), path)


class SqliteIndex:
    """Generations in SQLite files."""

    def __init__(self, record: Handle, path: Path | None) -> None:
        self._record, self._path = record, path

    async def generations(self) -> Generations | None:
        """The record, None where there is none yet."""
        return await self._record.run(facts.generations)

    async def replace_generations(self, expected: Generations | None, wanted: Generations) -> bool:
        """Writes the record `wanted` in place of `expected`, in one step; False where it is another one."""
        return await self._record.run(facts.replace_generations, expected, wanted)

    async def open(self, generation: Generation) -> SqliteStore:
        """A generation's store, made where there is none; to be closed by whoever opened it."""
        return await open_sqlite(self._path_of(generation), dimension=generation.dimension)

    async def drop(self, generation: Generation) -> None:
        """Deletes a generation for good; one that is not there is no error."""
        path = self._path_of(generation)
        if path is None:
            return
        if generation.name == FIRST:
            await self._record.run(schema.drop_tables)
            return
        with faults.named(path):
            for file in (path, *(path.with_name(path.name + suffix) for suffix in ("-wal", "-shm"))):
                file.unlink(missing_ok=True)

    async def clock(self) -> None:
        """None: a file has no clock of its own."""

    async def close(self) -> None:
        """Closes the record's file; closing twice is no error."""
        await self._record.close()

    def _path_of(self, generation: Generation) -> Path | None:
        if self._path is None or generation.name == FIRST:
            return self._path
        return self._path.with_suffix(f".{generation.name}{self._path.suffix}")
