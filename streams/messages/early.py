"""Changes whose time is when their statement began, where another one's began and ended otherwise.

Of two such changes of one server's log, the one that stands behind the other there is the later one, though
its statement may have begun first: see docs/design/004-positions-of-change-events.md.
"""

from __future__ import annotations

from streams.messages.changes import Change, Truncation
from streams.messages.floors import is_floor
from streams.messages.held import Head

LONGEST_NS = 3_600 * 10**9
"""How long a statement may run, an hour. Beyond that, the log of which the order speaks may be another."""


def crosses(change: Change | Truncation, base: Head) -> bool:
    """Whether the log puts `change` on the other side of the document than the times do.

    Then it has the document's time, so that its order decides. Where topic and log disagree it does not: a
    server's log may begin with lower numbers after a failover.
    """
    if not isinstance(change, Change) or not change.early:
        return False
    if _same_log(change, base) and change.at.offset < base.offset:
        return _came_first(change, base)
    return _came_last(change, base)


def _same_log(change: Change, base: Head) -> bool:
    return (base.topic, base.partition) == (change.at.topic, change.at.partition)


def _came_last(change: Change, base: Head) -> bool:
    """Whether its statement began before that of the document, and reached the row after it."""
    order, began_before = change.order or 0, base.position.time - (change.time or 0)
    return 0 < base.position.order <= order and 0 < began_before <= LONGEST_NS


def _came_first(change: Change, base: Head) -> bool:
    """Whether its statement began after that of the document, and reached the row before it.

    A dead letter that is sent back: all else comes in the order of the log.
    """
    order, began_after = change.order or 0, (change.time or 0) - base.position.time
    return 0 < order < base.position.order and 0 < began_after <= LONGEST_NS and not is_floor(base)
