"""Which table a change is of, by its `source` block."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import JsonValue

from streams.sources.scope import is_read, is_read_as
from streams.sources.topics import Source

_WITH_SCHEMAS = frozenset({"postgresql", "oracle", "db2", "sqlserver", "informix", "yashandb"})
"""Connectors whose tables have a schema: the name of the database alone does not tell one from the others."""
_WITH_DATABASE = frozenset({"sqlserver", "informix"})
"""Connectors that follow several databases with several schemas each, and have both in a topic's name."""


def table_of(info: Mapping[str, JsonValue]) -> str:
    """`SCHEMA.TABLE`, or `DATABASE.TABLE` where there are no schemas, or both; "" where none is named."""
    table, schema = info.get("table") or info.get("collection"), info.get("schema")
    if not table:
        return ""
    needed = not schema or info.get("connector") in _WITH_DATABASE
    database = (info.get("db") or info.get("keyspace")) if needed else None
    return ".".join(name for name in (database, schema, table) if isinstance(name, str) and name)


def is_of_the_source(source: Source, info: Mapping[str, JsonValue]) -> bool:
    """Whether the change is of a table that the source reads; one that names none is.

    A flattened row with its table's name alone is of any table of that name. So is one that lacks its schema,
    of a connector whose tables have one.
    """
    table = table_of(info)
    if not table or is_read(source, table):
        return True
    bare = info.get("connector") in _WITH_SCHEMAS and not info.get("schema")
    return ("." not in table or bare) and is_read_as(source, table.rpartition(".")[2])
