"""Whether this process kept going: one that was frozen may have lost its place in the group, and not know."""

from __future__ import annotations

import asyncio

from streams.ports import Monotonic


class Lease:
    """Lapses where nothing ran for `limit_s` seconds, until it is renewed.

    To be looked at more often than that: `run` does.
    """

    def __init__(self, limit_s: float, monotonic: Monotonic) -> None:
        self.limit_s, self._monotonic = limit_s, monotonic
        self._seen_at = monotonic()
        self._lapsed = False

    @property
    def lapsed(self) -> bool:
        """Whether there was such a gap since it was renewed last."""
        now = self._monotonic()
        self._lapsed = self._lapsed or now - self._seen_at > self.limit_s
        self._seen_at = now
        return self._lapsed

    def renew(self) -> None:
        """The group has said that the place is ours."""
        self._lapsed, self._seen_at = False, self._monotonic()

    async def run(self) -> None:
        """Looks, until it is cancelled."""
        while True:
            _ = self.lapsed
            await asyncio.sleep(self.limit_s / 10)
