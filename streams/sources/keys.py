"""A row's key as one string, the same wherever it stands: in the record's key, or in the row."""

from __future__ import annotations

import json
from collections.abc import Mapping

from pydantic import JsonValue

from streams.errors import Rejected
from streams.sources.rows import Row
from streams.sources.template import written
from streams.sources.topics import Source

KEY_MISSING = "key_missing"
SHARD = "__dbz__physicalTableIdentifier"
"""The field of a key by which Debezium's `ByLogicalTableRouter` tells the tables that it brings together."""


def key_columns(source: Source, record_key: JsonValue, row: Row) -> Mapping[str, JsonValue]:
    """The columns that tell `row` from the others of its source.

    The source's `key` says which they are, and they are taken from the record's key, else from what the
    format says of the key, else from the row, as it is now where that is told. Without that setting they
    are what the format names, else the record's key. Raises `Rejected` (`key_missing`).
    """
    if source.key:
        return _chosen(source, record_key, row)
    key = row.key if row.key is not None else record_key
    columns = key if isinstance(key, Mapping) else {} if key is None else {"": key}
    if all(value is None for value in columns.values()):
        raise Rejected(
            "the record has no key that names its row; give the table a primary key, or name the row's "
            'key columns in the sources file: key = ["id"]',
            code=KEY_MISSING,
        )
    return columns


def canonical(columns: Mapping[str, JsonValue]) -> str:
    """These columns as JSON: sorted by name, without spaces, numbers and booleans as text.

    As text, since one column has one type, but its encodings differ: `1` in a record's key may be
    `"1"` in the row.
    """
    return json.dumps(_as_text(columns), ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def _chosen(source: Source, record_key: JsonValue, row: Row) -> Mapping[str, JsonValue]:
    if isinstance(record_key, dict) and SHARD in record_key and SHARD not in source.key:
        raise Rejected(
            f"the record's key tells apart the tables that are brought together in this topic, and `key` does"
            f' not: their rows would be one document; add "{SHARD}" to it, or leave `key` out',
            code=KEY_MISSING,
        )
    written = {**(row.before or {}), **(row.columns or {})}
    for columns in (_named(source, record_key), row.key, written):
        if columns is not None and all(columns.get(name) is not None for name in source.key):
            return {name: columns[name] for name in source.key}
    raise Rejected(
        f"neither the record's key nor its row has the key columns {', '.join(source.key)}; "
        "correct `key` in the sources file, or have the database write them (REPLICA IDENTITY)",
        code=KEY_MISSING,
    )


def _named(source: Source, record_key: JsonValue) -> Mapping[str, JsonValue] | None:
    """The record's key by column: a bare value is that of the only key column."""
    if isinstance(record_key, dict):
        return record_key
    return {source.key[0]: record_key} if record_key is not None and len(source.key) == 1 else None


def _as_text(value: object) -> object:
    if isinstance(value, Mapping):
        return {name: _as_text(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_as_text(inner) for inner in value]
    return value if value is None or isinstance(value, str) else written(value)  # type: ignore[arg-type]
