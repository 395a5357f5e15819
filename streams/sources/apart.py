"""Rows of one record, each by itself: one that can't be mapped does not hold back what the others say.

Above all where a row moves to another key: that the old key has no row any more is true, whatever the new
row looks like.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import NoReturn

from pydantic import JsonValue

from streams.errors import Rejected
from streams.messages.changes import Change, Incomplete
from streams.messages.records import Record
from streams.sources.keys import KEY_MISSING
from streams.sources.mapping import change_of
from streams.sources.payload import Payload
from streams.sources.rows import Row
from streams.sources.topics import Source


def changes_of(source: Source, record: Record, payload: Payload, row: Row) -> tuple[Change, ...]:
    """As `change_of`; two changes where the row's key columns changed: the row of the old key is gone.

    Only key columns that the source names can change within a record: where the record's own key says
    which row it is, a change of it is two records. The new row is refused alone, as in `change_apart`.
    """
    left = _left(source, record, row)
    if left is None:
        return (change_of(source, record, payload, row),)
    change = change_apart(source, record, payload, row)
    if left.record_key == change.record_key:
        return (change_of(source, record, payload, row),)
    return left, change


def change_apart(source: Source, record: Record, payload: Payload, row: Row) -> Change:
    """As `change_of`, for one row of several; one that is refused is so when its turn comes, and alone."""
    try:
        return change_of(source, record, payload, row)
    except Rejected as error:
        return replace(_named(source, record, payload, row, error), document=_refused(error))


def _left(source: Source, record: Record, row: Row) -> Change | None:
    """That the row with the key that `row` had before is gone; None where no other key can be told."""
    before = row.before
    if row.columns is None or before is None or not source.key:
        return None
    if any(before.get(name) is None for name in source.key):
        return None
    return change_of(source, record, Payload(), replace(row, columns=None, key=None, lacking=frozenset()))


def _named(source: Source, record: Record, payload: Payload, row: Row, error: Rejected) -> Change:
    """The change of the row, without what it says; one without a key has a key that is no row's."""
    if error.code == KEY_MISSING:
        nobody = Row(None, key={"": KEY_MISSING}, time=row.time, order=row.order)
        return change_of(replace(source, key=()), record, Payload(), nobody)
    bare = replace(row, columns=None, before={**(row.before or {}), **(row.columns or {})})
    return change_of(source, record, payload, bare)


def _refused(error: Rejected) -> Incomplete:
    def refuse(_before: Mapping[str, JsonValue]) -> NoReturn:
        raise error

    fill: Callable[[Mapping[str, JsonValue]], Change] = refuse
    return Incomplete((), fill)
