"""When the index was last found to hold what a source says: remembered in it, and told by every worker."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime

from streams.errors import StreamsError
from streams.ports import Notes, Observed, Observer

EVERY_S = 60.0
METRIC = "reconcile_last_clean_timestamp_seconds"


async def remember(notes: Notes, sources: Sequence[str], at: datetime) -> None:
    """Notes that the index was clean at `at`, as far as these sources go."""
    for source in sources:
        await notes.set_note(_name(source), at.isoformat())


async def last_clean(notes: Notes, source: str) -> datetime | None:
    """When the index was last clean, as far as this source goes; None where nobody ever found it so."""
    text = await notes.note(_name(source))
    return None if text is None else datetime.fromisoformat(text)


async def tell(
    notes: Callable[[], Awaitable[Notes]],
    sources: Sequence[str],
    observe: Observer,
    *,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Tells it once a minute, for as long as it runs, as a gauge; a store that is down is asked again."""
    while True:
        with suppress(StreamsError):
            held = await notes()
            for source in sources:
                if (at := await last_clean(held, source)) is not None:
                    observe(Observed(METRIC, at.timestamp(), {"source": source}))
        await sleep(EVERY_S)


def _name(source: str) -> str:
    return f"clean {source}"
