"""The vacuum's deletes, for as long as what they are based upon holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from streams.messages.position import Position
from streams.ports import Maintenance, Monotonic, Observed, Observer

DELETED_AT_ONCE = 500
"""Passages that one call deletes; before each it is asked whether what they are based upon still holds."""


class Turn:
    """The deletes after one read of heads, for as long as that read holds; `over`: it held too short."""

    def __init__(
        self, maintenance: Maintenance, monotonic: Monotonic, lease_s: float, observe: Observer
    ) -> None:
        self._maintenance, self._monotonic, self._observe = maintenance, monotonic, observe
        self._until = monotonic() + lease_s
        self.over = False

    async def delete_passages(self, tenant: str, ids: Sequence[UUID]) -> int:
        """How many of them are deleted, from the first on."""
        deleted = 0
        for start in range(0, len(ids), DELETED_AT_ONCE):
            if not self._holds():
                break
            some = ids[start : start + DELETED_AT_ONCE]
            await self._maintenance.delete_passages(tenant, some)
            self._observe(Observed("vacuumed_passages", len(some)))
            deleted += len(some)
        return deleted

    async def delete_heads(self, positions: Mapping[UUID, Sequence[Position]]) -> bool:
        """Whether they are deleted."""
        some = {key: these for key, these in positions.items() if these}
        if not some or not self._holds():
            return False
        await self._maintenance.delete_heads(some)
        self._observe(Observed("vacuumed_heads", sum(map(len, some.values()))))
        return True

    def _holds(self) -> bool:
        self.over = self.over or self._monotonic() > self._until
        return not self.over
