"""Canal: rows of one MySQL statement a record, `{"type": "UPDATE", "data": [{…}], "old": [{…}], "es": …}`.

See https://github.com/alibaba/canal, its flat messages. All values are text, with their types beside them.
`es` is when the statement was executed, in milliseconds, but to the second. Nothing in a record says which
of two changes of one second is the later one: the order of the topic does, and within a record that of
its rows. `id` does not: it starts again with each start of Canal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from pydantic import JsonValue

from streams.errors import Rejected
from streams.messages.changes import Change, Ignored, Said
from streams.messages.records import Record
from streams.sources import mysql_text
from streams.sources.moment import MILLISECOND, moment
from streams.sources.payload import Payload
from streams.sources.rows import Row
from streams.sources.scope import OTHER_TABLE, emptied, is_named, is_read
from streams.sources.tables import changes, gone, table_of, updated
from streams.sources.topics import Source

ROWS = frozenset({"INSERT", "UPDATE", "DELETE"})

_SAYS_NOTHING: Mapping[str, Ignored] = {
    **dict.fromkeys(
        ("CREATE", "ALTER", "ERASE", "RENAME", "CINDEX", "DINDEX", "QUERY"), Ignored("schema_change")
    ),
    **dict.fromkeys(("GTID", "XACOMMIT", "XAROLLBACK"), Ignored("transaction")),
    "MHEARTBEAT": Ignored("heartbeat"),
}


def decode(source: Source, record: Record, payload: Payload) -> tuple[Said, ...]:
    """What a record of Canal says of each document in it: the last of its rows, where several are of one.

    Where it has several rows, one that can't be mapped is refused alone, when its turn comes. Raises
    `Rejected`: `not_canal`, `truncate`, or as `change_of` does.
    """
    value = payload.value
    if value is None:
        return changes(source, record, payload, [Row(None)])
    if not isinstance(value, dict) or not isinstance(kind := value.get("type"), str):
        raise _not_canal('it has no "type"')
    if not is_read(source, table := table_of(value)):
        return (OTHER_TABLE,)
    if kind == "TRUNCATE" or (kind == "ERASE" and is_named(source, table)):
        at = moment(value.get("es"), MILLISECOND)
        return (emptied(source, record, table, time=at.time, order=None, changed_at=at.changed_at),)
    if kind in ROWS:
        return _last_of_each(source, record, payload, _rows(source, value))
    if (nothing := _SAYS_NOTHING.get(kind)) is None:
        raise _not_canal('its "type" is none that Canal writes')
    return (nothing,)


def _last_of_each(
    source: Source, record: Record, payload: Payload, rows: Sequence[Row]
) -> tuple[Change, ...]:
    """One change for each document: they all have the record's position, so only one of them could count."""
    last: dict[UUID, Change] = {}
    for change in changes(source, record, payload, rows):
        last.pop(change.key, None)
        last[change.key] = change
    return tuple(last.values())


def _rows(source: Source, value: Mapping[str, JsonValue]) -> Sequence[Row]:
    data = _objects(value.get("data"))
    if not data:
        raise _not_canal(
            'its "data" holds no rows (with binlog_format=STATEMENT they are not known: set ROW)'
        )
    table, types, time = table_of(value), value.get("mysqlType"), moment(value.get("es"), MILLISECOND)
    names = _names(value.get("pkNames"))
    old = _objects(value.get("old")) if value["type"] == "UPDATE" else []
    rows: list[Row] = []
    for place, texts in enumerate(data):
        partial = value["type"] == "UPDATE"
        row = Row(_typed(texts, types), partial=partial, time=time.time, changed_at=time.changed_at)
        if value["type"] == "DELETE":
            rows.append(gone(source, table, names, row))
        else:
            before = _typed(old[place], types) if place < len(old) else {}
            rows.extend(updated(source, table, names, row, before))
    return rows


def _objects(listed: JsonValue) -> list[dict[str, JsonValue]]:
    """The rows that Canal lists; a null in the list of old values says that none changed."""
    if not isinstance(listed, list):
        return []
    rows: list[dict[str, JsonValue]] = [{} if one is None else one for one in listed if _is_row(one)]  # type: ignore[misc]
    return rows if len(rows) == len(listed) else []


def _is_row(one: JsonValue) -> bool:
    return one is None or isinstance(one, dict)


def _names(named: JsonValue) -> Sequence[str]:
    listed = named if isinstance(named, list) else []
    return [name for name in listed if isinstance(name, str)]


def _typed(texts: Mapping[str, JsonValue], types: JsonValue) -> Mapping[str, JsonValue]:
    if not isinstance(types, dict):
        return texts
    return {name: _value(value, types.get(name)) for name, value in texts.items()}


def _value(value: JsonValue, type_name: JsonValue) -> JsonValue:
    if isinstance(value, str) and isinstance(type_name, str):
        return mysql_text.value_of(value, type_name)
    return value


def _not_canal(why: str) -> Rejected:
    return Rejected(f"the record is none of Canal's: {why}", code="not_canal")
