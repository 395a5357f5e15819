"""What Debezium sends beside changes: heartbeats, schema changes, transactions, signals, notifications.

These have topics of their own, unless a routing transformation brings them together with the changes. They
are told by all the fields that they have, not by some: tables have columns named `status` and `type` too.
A table may even have all of them, and no others; so nothing is taken for these that the mapping can fill.
"""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import JsonValue

_CLOCK = frozenset({"ts_ms", "ts_us", "ts_ns"})
_SCHEMA_CHANGE = _CLOCK | {"source", "position", "databaseName", "schemaName", "ddl", "tableChanges"}
_TRANSACTION = _CLOCK | {"status", "id", "event_count", "data_collections"}
_NOTIFICATION = frozenset(
    {"id", "type", "aggregate_type", "aggregateType", "additional_data", "additionalData", "timestamp"}
)
_SIGNAL_ROW = frozenset({"id", "type", "data"})
_SIGNAL = _SIGNAL_ROW | {"data-collections", "additional-condition", "additional-conditions", "surrogate-key"}
_SIGNALS = (
    *("log", "schema-changes", "execute-snapshot", "stop-snapshot", "pause-snapshot", "resume-snapshot"),
    *("set-binlog-position", "drop-transaction", "snapshot-window-open", "snapshot-window-close"),
)


def is_signal(row: Mapping[str, JsonValue]) -> bool:
    """Whether `row` is one of a connector's signalling table, or a record of its signalling topic."""
    return row.keys() <= _SIGNAL_ROW and row.get("type") in _SIGNALS


def reason_to_ignore(value: Mapping[str, JsonValue]) -> str | None:
    """Why a record with this value says nothing about a document; None where it may."""
    names = value.keys()
    if names and names <= _CLOCK:
        return "heartbeat"
    if "databaseName" in names and {"ddl", "tableChanges"} & names and names <= _SCHEMA_CHANGE:
        return "schema_change"
    if value.get("status") in ("BEGIN", "END") and {"id", "event_count"} <= names <= _TRANSACTION:
        return "transaction"
    if ("data-collections" in names and names <= _SIGNAL) or is_signal(value):
        return "signal"
    if {"id", "type"} <= names <= _NOTIFICATION and {"aggregate_type", "aggregateType"} & names:
        return "notification"
    return None
