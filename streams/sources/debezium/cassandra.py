"""Cassandra's rows: a cell for each column, `{"value": …, "deletion_ts": …, "set": …}`."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import JsonValue


def columns(row: Mapping[str, JsonValue], *, partial: bool) -> tuple[Mapping[str, JsonValue], frozenset[str]]:
    """The values of `row`'s cells; and where `partial`, the columns that it leaves out as they were.

    An update has cells for what it set, and null for the rest; a row that is written whole has null for
    what is null.
    """
    lacking = {name for name, cell in row.items() if partial and cell is None}
    values = {name: _value(cell) for name, cell in row.items() if name not in lacking}
    return values, frozenset(lacking)


def _value(cell: JsonValue) -> JsonValue:
    return cell["value"] if isinstance(cell, dict) and {"value", "set"} <= cell.keys() else cell
