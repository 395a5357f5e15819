"""Taking turns on the event loop."""

from __future__ import annotations

import asyncio
import time


class Turn:
    """For a loop that may never have to wait: lets others run once it has taken `seconds`."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._began = time.monotonic()

    async def over(self) -> None:
        """Returns at once, or after everybody else has had a turn."""
        if time.monotonic() - self._began > self._seconds:
            await asyncio.sleep(0)
            self._began = time.monotonic()
