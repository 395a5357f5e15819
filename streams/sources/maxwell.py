"""Maxwell: one row of MySQL a record, `{"type": "update", "ts": …, "data": {…}, "old": {…}}`.

See https://maxwells-daemon.io/dataformat/. `ts` is the second in which the statement began; which of two
changes of one second is the later one, `position` says where Maxwell writes it (`output_binlog_position`),
else the order of the topic. `xid` does not: a transaction has it from its first statement, not from its
commit.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from pydantic import JsonValue

from streams.errors import Rejected
from streams.messages.changes import Ignored, Said
from streams.messages.records import Record
from streams.sources.moment import MILLISECOND, SECOND, moment
from streams.sources.payload import Payload
from streams.sources.rows import Row
from streams.sources.scope import OTHER_TABLE, emptied, is_named, is_read
from streams.sources.tables import TABLE, changes, gone, table_of, updated
from streams.sources.topics import Source

BOOTSTRAP = Ignored("bootstrap")
"""A bootstrap begins or ends."""
SCHEMA_CHANGE = Ignored("schema_change")

_DDL = frozenset(
    f"{what}-{how}" for what in ("table", "database") for how in ("create", "alter", "drop", "rename")
)
_POSITION = re.compile(r".*\.(\d{1,12}):(\d{1,18})")
_KEY_COLUMN = "pk."


def decode(source: Source, record: Record, payload: Payload) -> tuple[Said, ...]:
    """What a record of Maxwell says: an update that changes the key deletes one row and writes another.

    Raises `Rejected`: `not_maxwell`, `truncate` (a table dropped), or as `change_of` does.
    """
    value = payload.value
    if value is None:
        rows: tuple[Row, ...] = (Row(None, key=_key(payload.key)),)
    elif not isinstance(value, dict) or not isinstance(value.get("type"), str):
        raise _not_maxwell('it has no "type"')
    elif value["type"] in {"bootstrap-start", "bootstrap-complete"}:
        return (BOOTSTRAP,)
    elif value["type"] in _DDL:
        return _defined(source, record, value)
    elif not is_read(source, table_of(value)):
        return (OTHER_TABLE,)
    else:
        rows = _rows(source, payload.key, value)
    return changes(source, record, payload, rows)


def _rows(source: Source, record_key: JsonValue, value: Mapping[str, JsonValue]) -> tuple[Row, ...]:
    data, table, kind = value.get("data"), table_of(value), value["type"]
    if not isinstance(data, dict) or not data:
        raise _not_maxwell('"data" holds no row (encrypted values are not read: set encrypt=none)')
    names = _key_columns(value.get("primary_key_columns"), record_key)
    time = moment(value.get("ts"), SECOND)
    order = _order(value.get("position"))
    row = Row(data, time=time.time, early=True, order=order, changed_at=time.changed_at)
    if kind == "delete":
        return (gone(source, table, names, row),)
    if kind == "update":
        old = value.get("old")
        now = replace(row, partial=True)
        return updated(source, table, names, now, old if isinstance(old, dict) else {})
    if kind == "insert":
        return updated(source, table, names, row, {})
    if kind == "bootstrap-insert":
        # Its time is when it was read out, which may be after a change that it does not hold.
        return updated(source, table, names, Row(data), {})
    raise _not_maxwell('its "type" is none that Maxwell writes')


def _key_columns(named: JsonValue, record_key: JsonValue) -> Sequence[str]:
    """The key columns that a record names, else those in its key."""
    if isinstance(named, list) and named and all(isinstance(name, str) for name in named):
        return [str(name) for name in named]
    key = _key(record_key) or {}
    return [name for name in key if name != TABLE]


def _key(record_key: JsonValue) -> Mapping[str, JsonValue] | None:
    """The row that a record's key names, in either of the forms that Maxwell has for it."""
    if isinstance(record_key, list) and len(record_key) == 3 and isinstance(record_key[2], list):  # noqa: PLR2004 - database, table, columns
        database, table, columns = record_key[0], record_key[1], record_key[2]
        named = {name: value for one in columns if isinstance(one, dict) for name, value in one.items()}
    elif isinstance(record_key, dict):
        database, table = record_key.get("database"), record_key.get("table")
        named = {
            name.removeprefix(_KEY_COLUMN): value
            for name, value in record_key.items()
            if name.startswith(_KEY_COLUMN)
        }
    else:
        return None
    name = table_of({"database": database, "table": table})
    return {**({TABLE: name} if name else {}), **named} if named else None


def _order(position: JsonValue) -> int | None:
    """The number of the binlog file, then the position in it; None where the record does not say."""
    found = _POSITION.fullmatch(position) if isinstance(position, str) else None
    return None if found is None else int(found[1]) * 10**18 + int(found[2])


def _defined(source: Source, record: Record, value: Mapping[str, JsonValue]) -> tuple[Said, ...]:
    """A change of the schema: only that the source's own table is dropped says something of documents."""
    dropped = _dropped(source, value)
    if dropped is None:
        return (SCHEMA_CHANGE,)
    at, order = moment(value.get("ts"), MILLISECOND), _order(value.get("position"))
    return (emptied(source, record, dropped, time=at.time, order=order, changed_at=at.changed_at),)


def _dropped(source: Source, value: Mapping[str, JsonValue]) -> str | None:
    """The table of the source's that is dropped, "" for all that it has; None where none is."""
    table = table_of(value)
    if value["type"] == "table-drop" and is_named(source, table):
        return table
    if value["type"] == "database-drop" and (source.table or "").partition(".")[0] == value.get("database"):
        return ""
    return None


def _not_maxwell(why: str) -> Rejected:
    return Rejected(f"the record is none of Maxwell's: {why}", code="not_maxwell")
