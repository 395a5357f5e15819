"""Applying a truncation: one head, the source's floor, and all documents below it are gone."""

from __future__ import annotations

from datetime import datetime

from streams.indexing.applied import Applied
from streams.indexing.order import position_of, stale
from streams.messages.changes import Truncation
from streams.messages.held import Head
from streams.ports import Documents, Now


async def truncate(documents: Documents, truncation: Truncation, now: Now) -> Applied:
    """Puts the source's floor where the truncation stands, or finds it there or above (`stale`).

    Nothing is read of the documents, however many they are. May be called again, by anyone, at any time.
    """
    key = truncation.key
    held = (await documents.current_heads([key])).get(key)
    if held is not None and (_repeated(truncation, held) or stale(truncation, held)):
        return Applied("ignored", "stale", None, None, held.position)
    floor = floor_of(truncation, held, now())
    await documents.write_heads([floor])
    return Applied("deleted", None, None, None, floor.position, superseded=True)


def _repeated(truncation: Truncation, held: Head) -> bool:
    """Whether it is the floor's own truncation that its source has sent again.

    Were it taken for a new one, what has no time of its own and was read in between would be gone.
    """
    return bool(truncation.order) and (truncation.time or 0, truncation.order) == held.position[:2]


def floor_of(truncation: Truncation, held: Head | None, written: datetime) -> Head:
    """The floor that a truncation is, where the floor is `held` so far."""
    return Head(
        document_key=truncation.key,
        position=position_of(truncation, held),
        deleted=True,
        tenant=None,
        document_id=None,
        title=None,
        url=None,
        language=None,
        readers=(),
        metadata=(),
        source=truncation.source,
        record_key="",
        topic=truncation.at.topic,
        partition=truncation.at.partition,
        offset=truncation.at.offset,
        written=written,
    )
