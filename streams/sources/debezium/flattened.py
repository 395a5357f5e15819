"""Rows that `ExtractNewRecordState` has flattened: the columns, and what of the event was added to them.

`add.fields = op,lsn,source.ts_ns` gives `__op`, `__lsn` and `__source_ts_ns` beside the columns;
`add.headers` gives headers of the same names.
https://debezium.io/documentation/reference/stable/transformations/event-flattening.html
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from pydantic import JsonValue

from streams.errors import Rejected
from streams.messages.decode import decode_json
from streams.messages.records import Record
from streams.sources import connect
from streams.sources.debezium.identity import told
from streams.sources.debezium.moment import Moment, moment
from streams.sources.debezium.unavailable import without_unavailable
from streams.sources.payload import Payload
from streams.sources.rows import Row
from streams.sources.topics import Source

_DELETED = "__deleted"
_CLOCK = {"ts_ms", "ts_us", "ts_ns"}


def row(
    source: Source, payload: Payload, columns: Mapping[str, JsonValue], added: Mapping[str, JsonValue]
) -> Row:
    """The row that `columns` are: gone where `__deleted` or `__op` says so.

    It has a time of its own only where `__op` or `__source_snapshot` tells that it is from no snapshot:
    see `moment`.
    """
    at = moment(added, op=added.get("op")) if {"op", "snapshot"} & added.keys() else Moment()
    if added.get("op") == "d" or columns.get(_DELETED) in (True, "true"):
        before = told(source, payload.key, columns)
        return at.of(Row(None, before=before))
    present, lacking = without_unavailable(source, columns, None)
    return at.of(Row(present, lacking=lacking))


def added(source: Source, record: Record, columns: Mapping[str, JsonValue]) -> Mapping[str, JsonValue]:
    """What was added of the event, under the names that its `source` has for it.

    `ts_ms` without `source.` is when the connector read the event, which orders nothing.
    """
    prefix = source.fields_prefix
    named = {name: _header(record, name) for name, _ in record.headers} | dict(columns)
    found = {name.removeprefix(prefix): value for name, value in named.items() if name.startswith(prefix)}
    info = {name: value for name, value in found.items() if name not in _CLOCK}
    return info | {
        name.removeprefix("source_"): value for name, value in found.items() if name.startswith("source_")
    }


def _header(record: Record, name: str) -> JsonValue:
    """A header's value: text, or JSON where Connect writes headers by its JSON converter, `"d"`."""
    text = record.header(name)
    if text is not None and (text[:1] in {'"', "{"} or text == "null"):
        with suppress(Rejected):
            return connect.unwrapped(decode_json(text.encode()))
    return text
