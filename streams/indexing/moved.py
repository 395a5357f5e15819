"""Rows that moved to another key: what the new row leaves out is in the row that the old key had.

The two are changes of two documents, perhaps in two partitions, so that either may be applied first. The
old key's deletion keeps the row in its head (`plan`); the new row waits a little for that deletion, aside so
that this has room to be applied, and takes it from there. Without it, it is refused, and can be sent back
once that was applied. Whoever of the two is applied second takes the row away again, as nobody needs it then;
else the vacuum does, with the deletion.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from uuid import UUID

from pydantic import JsonValue

from streams.messages.changes import Change, Incomplete, document_key
from streams.messages.held import Head, current
from streams.ports import Documents

PAUSES_S = (0.0, 0.05, 0.1, 0.2, 0.4, 0.8, 1.5, 2.0)
"""Between the looks at the old key, whose deletion is under way: in the same partition, at least."""


class Moved:
    """Where the rows of old keys are found, and taken away. `sleep` waits for some seconds."""

    def __init__(self, documents: Documents, sleep: Callable[[float], Awaitable[None]]) -> None:
        self._documents, self._sleep = documents, sleep

    async def row(self, change: Change) -> Mapping[str, JsonValue] | None:
        """The row that `change`, which leaves out columns, was under its old key; None where it has none.

        Waits until the old key's deletion has been applied, but for about five seconds at most.
        """
        if change.moved_from is None or change.time is None or not isinstance(change.document, Incomplete):
            return None
        key = document_key(change.source, change.moved_from)
        for pause in PAUSES_S:
            await self._sleep(pause)
            heads = (await self._documents.heads([key])).get(key, ())
            if kept := [head.row for head in heads if _keeps(head, change)]:
                return kept[0]
            if _is_past(current(heads), change):
                return None
        return None

    async def let_go(self, change: Change) -> None:
        """Takes the row away where both changes have been applied, of which `change` is one."""
        if change.time is None:
            return
        if change.moved_from is not None:
            await self._clear(document_key(change.source, change.moved_from), change)
        elif change.moved_to is not None:
            new = document_key(change.source, change.moved_to)
            if _is_past(current((await self._documents.heads([new])).get(new, ())), change):
                await self._clear(change.key, change)

    async def _clear(self, key: UUID, change: Change) -> None:
        heads = (await self._documents.heads([key])).get(key, ())
        if cleared := [replace(head, row={}) for head in heads if _keeps(head, change)]:
            await self._documents.write_heads(cleared)


def _keeps(head: Head, change: Change) -> bool:
    """Whether it is the deletion of the row that moved, with that row."""
    return head.deleted and bool(head.row) and head.position[:2] == (change.time, change.order or 0)


def _is_past(head: Head | None, change: Change) -> bool:
    return head is not None and head.position[:2] >= (change.time or 0, change.order or 0)
