"""Doing one thing while another is done."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

T = TypeVar("T")


@asynccontextmanager
async def beside(work: Coroutine[Any, Any, T]) -> AsyncIterator[asyncio.Task[T]]:
    """`work` as a task that runs beside the body, and is over when that is.

    Whoever awaits the task has what it gives, or raises what it raises; nobody has to.
    """
    task = asyncio.create_task(work)
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait({task})
        if not task.cancelled():
            # What nobody asked for is no warning in the log.
            task.exception()


@asynccontextmanager
async def ahead(items: AsyncGenerator[T, None]) -> AsyncIterator[AsyncIterator[T]]:
    """The same items, the first of them on its way before anybody asks for it. Closes `items`."""

    async def first() -> list[T]:
        async for item in items:
            return [item]
        return []

    async def every(begun: asyncio.Task[list[T]]) -> AsyncIterator[T]:
        for item in await begun:
            yield item
            async for later in items:
                yield later

    try:
        async with beside(first()) as begun:
            yield every(begun)
    finally:
        await items.aclose()
