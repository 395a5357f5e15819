"""What a generation lacks of a document that another one holds. Pure.

Apart from `reconcile.verdict`, which asks the same of a record and the index: it computes positions a second
time, so that a fault in one of the two shows.
"""

from __future__ import annotations

from typing import Literal

from streams.messages.early import LONGEST_NS
from streams.messages.floors import is_floor
from streams.messages.held import Head

Lacking = Literal["content", "place", "tidying"]


def lacking(here: Head | None, there: Head | None) -> Lacking | None:
    """What the second generation, where the document is `there`, lacks to have it as it is `here`.

    `place`: it was made from the very same record, read again since, but stands before it, as what gave the
    record its time is in no topic any more. `tidying`: it keeps the row of a document that moved to another
    key, which the first one has let go. None: it has it, or a later state.
    """
    if here is None:
        return None
    if there is None:
        return "content"
    if there.position < here.position:
        return "place" if _is_read_again(here, there) else "content"
    return "tidying" if here.position == there.position and _keeps_a_row(there) and not here.row else None


def _keeps_a_row(head: Head) -> bool:
    return head.deleted and bool(head.row) and not is_floor(head)


def _is_read_again(here: Head, there: Head) -> bool:
    """Whether the record was read `there` after it was `here`; a deletion that came since is none of it."""
    if is_floor(here):
        return False
    return _is_of_one_record(here, there) and here.written <= there.written and here.deleted <= there.deleted


def _is_of_one_record(here: Head, there: Head) -> bool:
    log = (here.topic, here.partition, here.position.offset)
    if log != (there.topic, there.partition, there.position.offset):
        return False
    return not (here.timed and there.timed) or _is_of_one_moment(here, there)


def _is_of_one_moment(here: Head, there: Head) -> bool:
    """Of a record that says several things of the document, only another moment makes another one.

    A time that is when a statement began was perhaps raised to that of what stood before it.
    """
    (time, order), (raised, same) = there.position[:2], here.position[:2]
    return order == same and (time == raised or (order > 0 and 0 < raised - time <= LONGEST_NS))
