"""Since when stamps can be gone by: a stamp tells a head's age only where the clock went on evenly since."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from streams.ports import Monotonic, Notes, Now

NOTE = "vacuum-clock"
LONGEST_GAP = timedelta(days=7)
"""Longer than that a clock may have been set meanwhile, or all workers have been away: nobody can tell."""
BACK = timedelta(minutes=5)
"""So much less than what was noted is two workers' difference; more is a clock that was set back."""
BEGINNING = datetime.min.replace(tzinfo=UTC)


def always() -> datetime:
    """For whose stamps are right, however old they are."""
    return BEGINNING


class Reckoning:
    """From when on stamps are right, as far as the index itself can tell.

    Each vacuum notes in the index what time it is, every `every_s` seconds. Where that is much later than was
    noted last, or earlier, a clock was set, and stamps from before may be wrong by as much: they count as if
    they were of now. So do all stamps that were there before anything was noted.

    Two vacuums that note in the same moment may lose what one of them has just found out.
    """

    def __init__(self, notes: Notes, *, now: Now, monotonic: Monotonic, every_s: float = 600.0) -> None:
        self._notes, self._now, self._monotonic, self._every_s = notes, now, monotonic, every_s
        self._since: datetime | None = None
        self._due = monotonic()

    def since(self) -> datetime:
        """What is stamped before is to be taken as of then."""
        return self._now() if self._since is None else self._since

    async def look(self) -> None:
        """Notes the time, where that is due. Raises as the port does."""
        if self._since is not None and self._monotonic() < self._due:
            return
        now = self._now()
        since = even(await self._notes.note(NOTE), now)
        await self._notes.set_note(NOTE, json.dumps({"since": since.isoformat(), "seen": now.isoformat()}))
        self._since, self._due = since, self._monotonic() + self._every_s


def even(noted: str | None, now: datetime) -> datetime:
    """Since when the clock went on evenly, by what was noted last. Pure."""
    if noted is None:
        return now
    held = json.loads(noted)
    seen = datetime.fromisoformat(held["seen"])
    evenly = seen - BACK <= now <= seen + LONGEST_GAP
    return datetime.fromisoformat(held["since"]) if evenly else now
