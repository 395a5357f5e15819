"""What several want at the same moment, looked up once for all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

from streams.errors import Retryable
from streams.shared import Shared

T = TypeVar("T")

LIMIT_S = 30.0
"""How long they wait for it."""


class Together(Generic[T]):
    """Results that are shared while they are made, and not kept; `at_once` are made at a time."""

    def __init__(self, at_once: int) -> None:
        self._turns = asyncio.Semaphore(at_once)
        self._coming: dict[Hashable, Shared[T]] = {}

    async def of(self, key: Hashable, make: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """What `make` gives; of those who name the same `key` while it is made, the first one's serves all.

        Who goes away meanwhile takes it from nobody. Raises `Retryable` (`busy`) where it takes too long.
        """
        if key not in self._coming:
            self._coming[key] = Shared(lambda: self._made(key, make), limit_s=LIMIT_S, late=_late)
        return await self._coming[key]()

    async def _made(self, key: Hashable, make: Callable[[], Coroutine[Any, Any, T]]) -> T:
        try:
            async with self._turns:
                return await make()
        finally:
            del self._coming[key]


def _late() -> Retryable:
    return Retryable("the index takes too long to say who may read this; try again", code="busy")
