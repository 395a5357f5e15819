"""What a record of Debezium says, whichever kind it is of."""

from __future__ import annotations

from streams.errors import Rejected
from streams.messages.changes import Ignored, Said
from streams.messages.records import Record
from streams.sources.apart import changes_of
from streams.sources.debezium import envelope, flattened
from streams.sources.debezium.beside import reason_to_ignore
from streams.sources.debezium.moved import moved
from streams.sources.debezium.table import is_of_the_source
from streams.sources.mapping import is_mapped
from streams.sources.payload import Payload
from streams.sources.rows import Row
from streams.sources.scope import OTHER_TABLE
from streams.sources.topics import Source


def decode(source: Source, record: Record, payload: Payload) -> tuple[Said, ...]:
    """As `_decode`, with where a row moved from or to."""
    return moved(source, record, _decode(source, record, payload))


def _decode(source: Source, record: Record, payload: Payload) -> tuple[Said, ...]:
    """The changes in a record: in Debezium's envelope, or flattened by `ExtractNewRecordState`.

    A null value is a deletion: Debezium's tombstone. What connectors send beside their changes is ignored,
    by its name; but what has the columns that the source maps is a row. Raises `Rejected`: `not_debezium`,
    `truncate`, or as `changes_of` does.
    """
    value = payload.value
    if value is None:
        return changes_of(source, record, payload, Row(None))
    if not isinstance(value, dict):
        raise Rejected(
            "a change event of Debezium is a JSON object; name the format that this topic has",
            code="not_debezium",
        )
    event = envelope.within(value)
    if event is not None:
        return envelope.decode(source, record, payload, event)
    added = flattened.added(source, record, value)
    if "op" not in added and not is_mapped(source, value) and (reason := reason_to_ignore(value)):
        return (Ignored(reason),)
    if not is_of_the_source(source, added):
        return (OTHER_TABLE,)
    return changes_of(source, record, payload, flattened.row(source, payload, value, added))
