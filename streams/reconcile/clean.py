"""What a comparison of the index with its sources came to: remembered in it, and told by every worker."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime

from streams.errors import StreamsError
from streams.ports import Notes, Observed, Observer

EVERY_S = 15.0


async def remember(
    notes: Notes, sources: Sequence[str], at: datetime, differing: Mapping[str, int], *, clean: bool
) -> None:
    """Notes how many documents of each source were left differing at `at`, and whether all were clean."""
    for source in sources:
        await notes.set_note(_run(source), f"{at.isoformat()} {differing.get(source, 0)}")
        if clean:
            await notes.set_note(_name(source), at.isoformat())


async def carry(before: Notes, after: Notes, sources: Sequence[str]) -> None:
    """Has another index know what this one does, where it knows nothing later itself."""
    for source in sources:
        for name in (_run(source), _name(source)):
            text, known = await before.note(name), await after.note(name)
            # Each begins with its time, in UTC, which sorts as text.
            if text is not None and (known is None or known < text):
                await after.set_note(name, text)


async def last_clean(notes: Notes, source: str) -> datetime | None:
    """When the index was last clean, as far as this source goes; None where nobody ever found it so."""
    text = await notes.note(_name(source))
    return None if text is None else datetime.fromisoformat(text.split()[0])


async def last_run(notes: Notes, source: str) -> tuple[datetime, int] | None:
    """When a source was last compared, and how many documents were left differing; None: never."""
    text = await notes.note(_run(source))
    if text is None:
        return None
    # What a later version has written besides is left out.
    at, differing, *_ = text.split()
    return datetime.fromisoformat(at), int(differing)


async def tell(
    notes: Callable[[], Awaitable[Notes]],
    sources: Sequence[str],
    observe: Observer,
    *,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Tells it four times a minute, as gauges, until it is cancelled; a store that is down is asked again."""
    while True:
        with suppress(StreamsError):
            held = await notes()
            for source in sources:
                await _tell(held, source, observe)
        await sleep(EVERY_S)


async def _tell(notes: Notes, source: str, observe: Observer) -> None:
    labels = {"source": source}
    if (at := await last_clean(notes, source)) is not None:
        observe(Observed("reconcile_last_clean_timestamp_seconds", at.timestamp(), labels))
    if (run := await last_run(notes, source)) is not None:
        observe(Observed("reconcile_last_run_timestamp_seconds", run[0].timestamp(), labels))
        observe(Observed("reconcile_differing_documents", run[1], labels))


def _name(source: str) -> str:
    return f"clean {source}"


def _run(source: str) -> str:
    return f"compared {source}"
