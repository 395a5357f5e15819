"""Standstill: records are at hand, nothing is known to be down, and yet nothing comes of any of them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping

from streams.agents.pump.membership import Partition

logger = logging.getLogger(__name__)

LOOK_S = 5.0
"""How often it is looked."""
NAMED = 5
"""How many partitions the log names."""


class Standstill:
    """Notices that nothing came of any record for `limit_s` seconds: more than any wait should take.

    `due` says whether something should come; `first` where each partition stands that has records at hand.
    """

    def __init__(
        self, limit_s: float, *, due: Callable[[], bool], first: Callable[[], Mapping[Partition, int]]
    ) -> None:
        self._limit_s, self._due, self._first = limit_s, due, first
        self._silent_s = 0.0
        self.problem: str | None = None
        """What is said of it while nothing comes."""

    def stirred(self) -> None:
        """Something came of a record."""
        self._silent_s = 0.0
        if self.problem is not None:
            self.problem = None
            logger.warning("records go on")

    async def run(self) -> None:
        """Looks, until it is cancelled. A time in which this process was frozen counts as one look."""
        while True:
            await asyncio.sleep(LOOK_S)
            self._look()

    def _look(self) -> None:
        if not self._due():
            self.stirred()
            return
        self._silent_s += LOOK_S
        if self._silent_s > self._limit_s and self.problem is None:
            self.problem = self._said()
            logger.error("%s", self.problem)

    def _said(self) -> str:
        places = [f"{where.topic}-{where.partition}-{offset}" for where, offset in self._first().items()]
        more = f" and {len(places) - NAMED} more" if len(places) > NAMED else ""
        return (
            f"nothing has come of any record for {self._silent_s:g} s, though nothing is known to be down:"
            f" the first that are not done are {', '.join(places[:NAMED])}{more};"
            " restart this worker if Kafka answers"
        )
