"""Long streams in pages."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TypeVar

T = TypeVar("T")


async def pages(stream: AsyncIterator[T], size: int) -> AsyncIterator[list[T]]:
    """What comes, in order, `size` at a time, the last page maybe less; none of nothing."""
    page: list[T] = []
    async for one in stream:
        page.append(one)
        if len(page) == size:
            yield page
            page = []
    if page:
        yield page
