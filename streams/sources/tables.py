"""What Maxwell and Canal have in common: one topic may carry many tables, and an update says what was.

A topic of theirs carries a whole server's tables, unless somebody parts them. So a row's key holds its
table, lest the row of one table delete the document of another's with the same number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from pydantic import JsonValue

from streams.errors import Rejected
from streams.messages.changes import Change
from streams.messages.records import Record
from streams.sources.apart import change_apart
from streams.sources.keys import KEY_MISSING, canonical
from streams.sources.mapping import FULL_ROWS, change_of
from streams.sources.payload import Payload
from streams.sources.rows import Row
from streams.sources.topics import Source

TABLE = "@table"
"""Under this name, which no column can have unquoted, a row's key holds its table."""

Columns = Mapping[str, JsonValue]


def table_of(value: Columns) -> str:
    """`DATABASE.TABLE` as a record names them, without what it does not name."""
    names = (value.get("database"), value.get("table"))
    return ".".join(name for name in names if isinstance(name, str) and name)


def row_key(source: Source, table: str, names: Sequence[str], columns: Columns) -> Columns | None:
    """The key of the row with these `columns`, whose key columns are `names` by the format.

    None where the format names none, or the source says itself which they are. MySQL takes `ID` and `id`
    for the same column; so does this. Raises `Rejected` (`key_missing`) where the row lacks one.
    """
    if source.key or not names:
        return None
    found = {name: _value(name, columns) for name in names}
    if missing := [name for name, value in found.items() if value is None]:
        raise Rejected(
            f"the row has no value for its key column {ascii(missing[0])[:80]}; have all columns written "
            f"({FULL_ROWS})",
            code=KEY_MISSING,
        )
    return {**({TABLE: table} if table else {}), **found}


def updated(source: Source, table: str, names: Sequence[str], row: Row, old: Columns) -> tuple[Row, ...]:
    """What an update of `row` says, where `old` holds the old values of the columns that changed.

    Where the key changed, the row is gone from its old one first. A row that is not `partial` is there as a
    whole, but for nulls, which may be left out. `names` are the key columns that the
    format names; the source's own `key` counts before them.
    """
    columns = _with_nulls(row.columns or {}, old)
    before = {**columns, **old}
    key = row_key(source, table, names, columns)
    was = replace(row, columns=None, key=row_key(source, table, names, before), before=before)
    identity = source.key or names
    moved = canonical(_named(identity, columns)) != canonical(_named(identity, before))
    now = replace(row, columns=columns, key=key, before=before, moved=moved, sparse=not row.partial)
    return (was, now) if moved else (now,)


def _with_nulls(columns: Columns, old: Columns) -> Columns:
    """`columns`, with null for those that changed and are not there: nulls may be left out."""
    there = {name.casefold() for name in columns}
    return {**columns, **{name: None for name in old if name.casefold() not in there}}


def changes(source: Source, record: Record, payload: Payload, rows: Sequence[Row]) -> tuple[Change, ...]:
    """The changes that `rows` are; of several, one that can't be mapped is refused alone.

    The record's key counts only where nothing else names a row: where one moves, it is the new one's.
    """
    keyless = Payload(None, payload.value)
    change = change_of if len(rows) == 1 else change_apart
    return tuple(
        change(source, record, keyless if source.key or row.key is not None else payload, row) for row in rows
    )


def gone(source: Source, table: str, names: Sequence[str], row: Row) -> Row:
    """That `row`, whose last values are its columns, is deleted."""
    columns = row.columns or {}
    return replace(row, columns=None, key=row_key(source, table, names, columns), before=columns)


def _named(names: Sequence[str], columns: Columns) -> Columns:
    return {name: _value(name, columns) for name in names}


def _value(name: str, columns: Columns) -> JsonValue:
    if name in columns:
        return columns[name]
    alike = [column for column in columns if column.casefold() == name.casefold()]
    return columns[alike[0]] if len(alike) == 1 else None
