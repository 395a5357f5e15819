"""One connection, in one thread of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

import apsw

from streams.errors import Retryable
from streams.stores.sqlite import faults

P = ParamSpec("P")
T = TypeVar("T")


class Handle:
    """An open file, and the thread that alone works on it."""

    def __init__(self, db: apsw.Connection, thread: ThreadPoolExecutor, path: Path | None) -> None:
        self.db = db
        self._thread, self._path = thread, path
        self._closed = False

    async def run(
        self, work: Callable[Concatenate[apsw.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """What `work` gives, done in the thread. Raises what SQLite raises by what is done about it."""
        if self._closed:
            raise Retryable("the index is closed: the program is stopping", code="closed")

        def named() -> T:
            with faults.named(self._path):
                return work(self.db, *args, **kwargs)

        return await asyncio.get_running_loop().run_in_executor(self._thread, named)

    async def close(self) -> None:
        """Closes the file once what was begun is done; closing twice is no error."""
        if not self._closed:
            self._closed = True
            await asyncio.get_running_loop().run_in_executor(self._thread, self.db.close)
            self._thread.shutdown(wait=False)


async def opened(path: Path | None, connect: Callable[[Path | None], apsw.Connection]) -> Handle:
    """What `connect` opens, in a thread of its own. Raises as `connect` does."""
    thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sqlite")
    try:
        db = await asyncio.get_running_loop().run_in_executor(thread, connect, path)
    except BaseException:
        thread.shutdown(wait=False)
        raise
    return Handle(db, thread, path)
