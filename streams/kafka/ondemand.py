"""An administrative connection that is made when it is first used, and anew after a failure."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from streams.kafka.admin import Admin
from streams.kafka.connection import KafkaConnection, start

T = TypeVar("T")


class OnDemand:
    """One `Admin` for whoever asks. `close` it at the end."""

    def __init__(self, connection: KafkaConnection) -> None:
        self._connection = connection
        self._admin: Admin | None = None
        self._starting = asyncio.Lock()

    async def __call__(self, ask: Callable[[Admin], Awaitable[T]]) -> T:
        """What `ask` gives. Raises what it raises, or what keeps us from connecting."""
        admin = await self._connected()
        try:
            return await ask(admin)
        except BaseException:
            await self._let_go(admin)
            raise

    def disconnect(self) -> None:
        """As `Admin.disconnect`, where there is one."""
        if self._admin is not None:
            self._admin.disconnect()

    async def close(self) -> None:
        """Lets go of the connection."""
        if self._admin is not None:
            await self._let_go(self._admin)

    async def _connected(self) -> Admin:
        async with self._starting:
            if self._admin is None:
                admin = Admin(self._connection)
                try:
                    await start(self._connection, admin)
                except BaseException:
                    await admin.stop()
                    raise
                self._admin = admin
            return self._admin

    async def _let_go(self, admin: Admin) -> None:
        if self._admin is admin:
            self._admin = None
            await admin.stop()
