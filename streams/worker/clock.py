"""A worker's clock: it dates heads and passages, and by those dates another worker's vacuum deletes."""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import structlog

from streams.errors import Misconfigured
from streams.ports import Monotonic, Now, Observed, Observer, unobserved
from streams.worker.parts import utc_now

SETTING = "the system's clock"
APART_S = 60.0
"""How far two clocks may be apart. NTP keeps them within a second, and a slow reply is allowed for. Two
workers that are each that far off, to either side, are far from the hour after which a vacuum trusts a stamp
at once."""
EVERY_S = 60.0
WRITTEN = datetime(2025, 1, 1, tzinfo=UTC)
"""No clock is right that says it is earlier: this program was not there."""
PRECISION = timedelta(seconds=1)
"""Of a `Date` in HTTP."""

Told = Callable[[], Awaitable[datetime | None]]
"""What time the store has, to the second below; None where it has no clock of its own."""

log = structlog.get_logger("streams.worker")


def since_boot() -> float:
    """Seconds that passed, those of a machine that slept included."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class Clock:
    """The wall clock, as far as it can be believed.

    It is compared with the store's, which all workers have in common. Between two looks, and where the store
    is a file, it is held against what went by since it was right last: a clock that was set meanwhile makes
    nothing that is written look older (`late`), and nothing that is there (`early`).
    """

    def __init__(
        self,
        told: Told,
        *,
        wall: Now = utc_now,
        monotonic: Monotonic = since_boot,
        observe: Observer = unobserved,
    ) -> None:
        self._told, self._wall, self._monotonic, self._observe = told, wall, monotonic, observe
        self._right = wall(), monotonic()
        self._looked, self._agrees = -math.inf, False

    def late(self) -> datetime:
        """The later of what it may be: for what is written."""
        return max(self._wall(), self._steady())

    def early(self) -> datetime:
        """The earlier of what it may be: for how old something is."""
        return min(self._wall(), self._steady())

    async def check(self) -> str:
        """How it compares, in words. Raises `Misconfigured` where it is off, and as the store does."""
        now = self._wall()
        if now < WRITTEN:
            raise Misconfigured(
                f"this machine's clock says {_shown(now)}, which is before rag-streams was written: set it"
                " (NTP), and start again",
                setting=SETTING,
            )
        off_s = await self._compared()
        if off_s is None:
            return f"{_shown(now)}; the store is a file, and has no clock to compare with"
        if abs(off_s) > APART_S:
            raise Misconfigured(
                f"this machine's clock says {_shown(now)}, which is {_apart(off_s)} Weaviate's: set whichever"
                " is wrong (NTP), and start again",
                setting=SETTING,
            )
        return f"{_shown(now)}, as Weaviate's within {abs(off_s) + 1:.0f} s"

    async def agrees(self) -> bool:
        """Whether the vacuum may go by it: not while it is off. It is looked at every minute."""
        if self._monotonic() - self._looked >= EVERY_S:
            off_s = await self._compared()
            if not self._agrees and off_s is not None:
                log.warning(
                    "nothing is vacuumed: set whichever clock is wrong", clock=f"{_apart(off_s)} Weaviate's"
                )
        return self._agrees

    async def _compared(self) -> float | None:
        """Seconds that it is ahead of the store's; None where that has none."""
        off_s = await ahead_s(self._told, self._wall)
        self._looked = self._monotonic()
        self._agrees = off_s is None or abs(off_s) <= APART_S
        if off_s is not None and self._agrees:
            self._right = self._wall(), self._monotonic()
        drifted_s = (self._wall() - self._steady()).total_seconds()
        self._observe(Observed("clock_ahead_seconds", drifted_s if off_s is None else off_s))
        return off_s

    def _steady(self) -> datetime:
        then, at = self._right
        return then + timedelta(seconds=self._monotonic() - at)


async def ahead_s(told: Told, wall: Now) -> float | None:
    """Seconds by which `wall` is ahead of what is told, as few as that can be; None where nothing is."""
    before = wall()
    there = await told()
    if there is None:
        return None
    ahead, behind = before - (there + PRECISION), wall() - there
    return max(0.0, ahead.total_seconds()) + min(0.0, behind.total_seconds())


def _apart(off_s: float) -> str:
    return f"{timedelta(seconds=round(abs(off_s)))} {'ahead of' if off_s > 0 else 'behind'}"


def _shown(moment: datetime) -> str:
    return moment.isoformat(sep=" ", timespec="seconds")
