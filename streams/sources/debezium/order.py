"""Where a change stands in its database's log, as one number that grows along the log.

It tells apart changes that were committed at the same time, those of one transaction above all; between
changes of one row it also agrees with the order of commits, as long as one server writes the log.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping

from pydantic import JsonValue

from streams.messages.position import fits

Info = Mapping[str, JsonValue]

_SECOND = 10**9
_LSN_BITS = 80
_SERIALS = 10**5


def order_of(info: Info, time: int) -> int:
    """The order of the change whose event has this `source` block; 0 where it says nothing of that.

    `time`: when it was committed, in nanoseconds since the epoch.
    """
    for rule in _RULES:
        order = rule(info, time)
        if order is not None and fits(order, 1):
            return order
    return 0


def whole(value: JsonValue) -> int | None:
    """The whole number, none below 0, that `value` is or writes in decimal digits; else None."""
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= 30:  # noqa: PLR2004  as wide as an order
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _postgresql(info: Info, _time: int) -> int | None:
    """The log sequence number of the row's own record in the write-ahead log."""
    return whole(info.get("lsn"))


def _file(info: Info, _time: int) -> int | None:
    """MySQL, MariaDB, Cassandra: the log's file, the position in it, the row in the event at that."""
    name = info.get("file")
    numbers = re.findall(r"\d+", name) if isinstance(name, str) else []
    return (
        _packed((whole(numbers[-1]), 13), (whole(info.get("pos")), 11), (whole(info.get("row")) or 0, 6))
        if numbers
        else None
    )


def _mongodb(info: Info, time: int) -> int | None:
    """The increment within the second, which comes before it, as it begins anew with each."""
    ordinal = whole(info.get("ord"))
    return _packed((time // _SECOND, 10), (ordinal, 10), (whole(info.get("tord")) or 0, 10))


def _spanner(info: Info, time: int) -> int | None:
    """The record in the transaction and the row in that, after the time, as they begin anew with each."""
    if "mod_number" not in info:
        return None
    return _packed((time, 19), (whole(info.get("sequence")), 6), (whole(info.get("mod_number")), 5))


def _lsn(info: Info, _time: int) -> int | None:
    """SQL Server, Db2, Informix: the log sequence number of the row's change, and its serial number there."""
    lsn = _number(info.get("change_lsn")) or _number(info.get("commit_lsn"))
    serial = whole(info.get("event_serial_no")) or 0
    return None if lsn is None else lsn * _SERIALS + min(serial, _SERIALS - 1)


def _number(lsn: JsonValue) -> int | None:
    """`00000027:00000758:0003` in hexadecimal, or one decimal number; of more than 80 bits, the upper 80."""
    if isinstance(lsn, str) and re.fullmatch(r"[0-9A-Fa-f]{1,16}(:[0-9A-Fa-f]{1,16}){1,7}", lsn):
        digits = lsn.replace(":", "")
        return int(digits, 16) >> max(0, 4 * len(digits) - _LSN_BITS)
    return whole(lsn)


def _oracle(info: Info, _time: int) -> int | None:
    """Oracle, YashanDB: the system change number."""
    return whole(info.get("scn")) or whole(info.get("position_scn"))


def _cockroachdb(info: Info, _time: int) -> int | None:
    """The hybrid logical clock: nanoseconds, a point, and ten digits that count within them."""
    clock = info.get("ts_hlc")
    if not isinstance(clock, str) or not re.fullmatch(r"\d{1,19}\.\d{1,10}", clock, re.ASCII):
        return None
    nanoseconds, _, logical = clock.partition(".")
    return int(nanoseconds) * 10**10 + int(logical)


def _vitess(info: Info, _time: int) -> int | None:
    """How many transactions the shard has behind it, by the ends of the ranges in its GTID set."""
    try:
        shards = json.loads(str(info["vgtid"]))
        gtid = next(one["gtid"] for one in shards if one.get("shard") == info.get("shard"))
        ends = re.findall(r"(\d+)(?=,|$)", str(gtid), re.ASCII)
    except (KeyError, ValueError, TypeError, AttributeError, StopIteration, RecursionError):
        return None
    return sum(int(end) for end in ends if len(end) <= 20) if ends else None  # noqa: PLR2004  digits of 64 bits


def _packed(*parts: tuple[int | None, int]) -> int | None:
    """These numbers one after the other, each in its so many decimal digits; None where one has no room."""
    packed = 0
    for value, digits in parts:
        if value is None or value >= 10**digits:
            return None
        packed = packed * 10**digits + value
    return packed


_RULES: tuple[Callable[[Info, int], int | None], ...] = (
    _postgresql,
    _file,
    _mongodb,
    _spanner,
    _lsn,
    _oracle,
    _cockroachdb,
    _vitess,
)
