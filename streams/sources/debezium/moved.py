"""A row whose primary key changed: a deletion and a new row, each of which names the other in a header.

https://debezium.io/documentation/reference/stable/connectors/postgresql.html#postgresql-primary-key-updates
Both are of the same place in the database's log. What the new row leaves out, as it did not change, is in the
row of the old key; so that one is kept until then.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from streams.errors import Rejected
from streams.messages.changes import Change, Said
from streams.messages.decode import decode_json
from streams.messages.records import Record
from streams.sources import connect
from streams.sources.keys import canonical, key_columns
from streams.sources.rows import Row
from streams.sources.topics import Source

OLD_KEY = "__debezium.oldkey"
NEW_KEY = "__debezium.newkey"


def moved(source: Source, record: Record, said: Sequence[Said]) -> tuple[Said, ...]:
    """What a record says, with the other key that it names, where it says one thing of one row."""
    if len(said) != 1 or not isinstance(change := said[0], Change):
        return tuple(said)
    if change.document is None:
        return (replace(change, moved_to=_other(source, record, NEW_KEY, change)),)
    return (replace(change, moved_from=_other(source, record, OLD_KEY, change)),)


def _other(source: Source, record: Record, header: str, change: Change) -> str | None:
    """The record key that a header names; None where there is none, or the source knows rows by another."""
    text = record.header(header)
    if text is None:
        return None
    with suppress(Rejected):
        named = connect.unwrapped(decode_json(text.encode()))
        other = canonical(key_columns(source, named, Row(None)))
        return other if other != change.record_key else None
    return None
