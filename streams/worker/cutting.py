"""The limits of the settings, made into what cuts documents."""

from __future__ import annotations

import time

from streams.confined.cutter import ConfinedCutter
from streams.confined.wire import Limits
from streams.ports import Observer
from streams.settings import Settings

WAITS_FOR_PROCESSOR = 10.0
"""How many times its own processor time a document may take on a busy machine."""
SOONEST_S, LATEST_S = 120.0, 540.0
"""No document is given up sooner for the machine's sake; none later: its handler would count as hung."""


def cutter_of(settings: Settings, observe: Observer) -> ConfinedCutter:
    """What cuts documents, within the limits of the settings; to be closed."""
    limits = Limits(
        cpu_s=settings.parse_timeout_s,
        wall_s=min(max(WAITS_FOR_PROCESSOR * settings.parse_timeout_s, SOONEST_S), LATEST_S),
        memory_bytes=settings.parse_memory_mb * 1024 * 1024,
    )
    return ConfinedCutter(
        limits, processes=settings.parse_processes, monotonic=time.monotonic, observe=observe
    )
