"""Place: whether the records that are handled now are this worker's alone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from streams.agents.pump.commits import Commits
from streams.agents.pump.lease import Lease
from streams.agents.pump.membership import Membership
from streams.agents.pump.positions import Positions
from streams.errors import Retryable

LOST_S = 30.0
"""How long a handler that has lost its place waits to be told so by the group."""


class Place:
    """This worker's place in its group, by the generation that it works in and its lease."""

    def __init__(self, member: Membership, commits: Commits, positions: Positions, lease: Lease) -> None:
        self._member, self._commits, self._positions, self._lease = member, commits, positions, lease
        self.generation: int | None = None
        """The one that the records at hand were delivered in; None without any."""

    async def confirm(self, idle: Callable[[Awaitable[None]], Awaitable[None]]) -> None:
        """Returns while records that are handled now are ours alone; for a handler, before what counts once.

        A process that was frozen, or has not heard of its group, asks that first, by a commit, as others
        may have its partitions by now. Where they have, it doesn't return, and is cancelled with its
        handler: it waits by `idle`. Raises `Retryable` should that not happen.
        """
        if not self._lease.lapsed and self._known():
            return
        if await self._commits.confirm(self._positions.next_to_finish):
            self._lease.renew()
            return
        await idle(asyncio.sleep(LOST_S))
        raise Retryable("the group does not say whose the record is", code="place_lost")

    def _known(self) -> bool:
        live = self.generation is not None and self._member.live(self.generation)
        return live and self._member.heard(self._lease.limit_s)
