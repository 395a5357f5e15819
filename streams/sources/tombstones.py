"""Tombstones that follow their deletion: both are of the same time.

A tombstone alone says nothing of when, so it has the time of the document that it finds. Sent again by a
connector, it would find a document that has been written since, and take that away. So a tombstone right
behind a deletion of its row has that one's time, whatever has become of the document.
"""

from __future__ import annotations

from dataclasses import replace

from streams.messages.changes import Change, Said


class Tombstones:
    """Remembers, of each partition, the deletion that its last record was. For one reader of a log."""

    def __init__(self) -> None:
        self._deletions: dict[tuple[str, int], Change] = {}

    def dated(self, said: tuple[Said, ...]) -> tuple[Said, ...]:
        """What a record says, with a time if it is a tombstone whose deletion stands right before it."""
        if len(said) != 1 or not isinstance(one := said[0], Change) or one.document is not None:
            return said
        where = (one.at.topic, one.at.partition)
        deletion = self._deletions.get(where)
        if (
            one.time is None
            and one.order is None
            and deletion is not None
            and _is_right_behind(one, deletion)
        ):
            one = replace(
                one,
                time=deletion.time,
                order=deletion.order,
                changed_at=deletion.changed_at,
                moved_to=deletion.moved_to,
            )
        self._deletions[where] = one
        return (one,)


def _is_right_behind(one: Change, deletion: Change) -> bool:
    return one.record_key == deletion.record_key and one.at.offset == deletion.at.offset + 1
