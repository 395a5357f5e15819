"""A source's time, as changes have it: nanoseconds since the epoch, and the same for people to read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pydantic import JsonValue

from streams.messages.position import fits

SECOND = 1_000_000_000
MILLISECOND = 1_000_000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Moment:
    """When something changed; both are None where that is not known."""

    time: int | None = None
    changed_at: datetime | None = None


UNKNOWN = Moment()


def moment(count: JsonValue, unit: int) -> Moment:
    """The moment `count` units (of so many nanoseconds) after the epoch; unknown where that is no time.

    Zero is none: it is what is written for a time that is not known.
    """
    if not isinstance(count, int) or isinstance(count, bool) or count <= 0 or not fits(count * unit, 0):
        return UNKNOWN
    try:
        return Moment(count * unit, _EPOCH + timedelta(microseconds=count * unit // 1000))
    except OverflowError:
        return UNKNOWN


def moment_of(text: JsonValue) -> Moment:
    """The moment that `text` (RFC 3339) names, to the microsecond; unknown where it names none.

    A time without a zone is taken as UTC.
    """
    if not isinstance(text, str):
        return UNKNOWN
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        return UNKNOWN
    aware = when if when.tzinfo else when.replace(tzinfo=UTC)
    return moment((aware - _EPOCH) // timedelta(microseconds=1), 1000)
