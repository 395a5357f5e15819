"""When a change happened, by the event's `source` block: its commit time, and its place in the log.

Which database means what by it, and what that is worth: docs/design/004-positions-of-change-events.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from pydantic import JsonValue

from streams.sources.debezium.order import order_of, whole
from streams.sources.rows import Row

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CLOCKS = {"ts_ns": 1, "ts_us": 10**3, "ts_ms": 10**6, "ts_sec": 10**9}
"""A clock's name and its unit in nanoseconds, finest first."""
_SECOND = 10**9
_END = 2**63
"""Nanoseconds up to the year 2262: a time beyond it is in another unit than its name says."""
_NO_SNAPSHOT = (None, False, "false", "")


@dataclass(frozen=True, slots=True)
class Moment:
    """As in `Row`: `time` in nanoseconds since the epoch, `order` within it, both None where not known."""

    time: int | None = None
    early: bool = False
    order: int | None = None
    changed_at: datetime | None = None

    def of(self, row: Row) -> Row:
        """`row`, changed at this moment."""
        at = {"time": self.time, "early": self.early, "order": self.order, "changed_at": self.changed_at}
        return replace(row, **at)  # type: ignore[arg-type]


def moment(info: Mapping[str, JsonValue], *, op: JsonValue) -> Moment:
    """When the change of an event with this `source` block and `op` was committed.

    A row that a snapshot read has no time: its block says when the table, or the window, was read, which
    may be later than changes that are still to come. Where it stands in the log is right, so that decides.
    Whole seconds of MySQL and MariaDB are no commit's, but those in which the statement began.
    """
    if op == "r" or (op != "d" and info.get("snapshot") not in _NO_SNAPSHOT):
        return Moment()
    time = _time(info)
    if time is None:
        return Moment()
    early = "file" in info and time % _SECOND == 0
    return Moment(time, early, order_of(info, time), _EPOCH + timedelta(microseconds=time // 1000))


def _time(info: Mapping[str, JsonValue]) -> int | None:
    """The finest clock that makes sense: connectors write 0 where they don't know."""
    for name, unit in _CLOCKS.items():
        value = whole(info.get(name))
        if value is not None and 0 < value * unit < _END:
            return value * unit
    return None
