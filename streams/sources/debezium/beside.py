"""What Debezium sends beside changes: heartbeats, schema changes, transactions, signals, notifications.

These have topics of their own, unless a routing transformation brings them together with the changes.
"""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import JsonValue

_CLOCK = frozenset({"ts_ms", "ts_us", "ts_ns"})
_SIGNALS = (
    *("log", "schema-changes", "execute-snapshot", "stop-snapshot", "pause-snapshot", "resume-snapshot"),
    *("set-binlog-position", "drop-transaction", "snapshot-window-open", "snapshot-window-close"),
)


def is_signal(row: Mapping[str, JsonValue]) -> bool:
    """Whether `row` is one of a connector's signalling table, or a record of its signalling topic."""
    return row.keys() <= {"id", "type", "data"} and row.get("type") in _SIGNALS


def reason_to_ignore(value: Mapping[str, JsonValue]) -> str | None:
    """Why a record with this value says nothing about a document; None where it may."""
    names = value.keys()
    if names and names <= _CLOCK:
        return "heartbeat"
    if "databaseName" in names and ("ddl" in names or "tableChanges" in names):
        return "schema_change"
    if value.get("status") in ("BEGIN", "END") and {"id", "event_count"} <= names:
        return "transaction"
    if "data-collections" in names or is_signal(value):
        return "signal"
    if {"type", "id"} <= names and ({"aggregate_type", "aggregateType"} & names):
        return "notification"
    return None
