"""Plain rows: the value is the row, as it is now; a null value says that it is gone.

What is read beside the columns is nothing: such a record has no time of its own, so that the order of the
topic is that of its changes. Debezium's flattened records are read as `debezium`, which knows their fields.
"""

from __future__ import annotations

from streams.errors import Rejected
from streams.messages.changes import Said
from streams.messages.records import Record
from streams.sources.mapping import change_of
from streams.sources.payload import Payload
from streams.sources.rows import Row
from streams.sources.topics import Source

_FLATTENED = frozenset({"__op", "__deleted"})


def decode(source: Source, record: Record, payload: Payload) -> tuple[Said, ...]:
    """The change that a row is. Raises `Rejected`: `not_row`, or as `change_of` does.

    A row that Debezium flattened may be a deletion, written out: it would be read as what it deletes.
    """
    value = payload.value
    if isinstance(value, dict) and not _FLATTENED.isdisjoint(value):
        raise Rejected(
            'the row has "__op" or "__deleted", as Debezium\'s flattened records do: set format = "debezium"',
            code="not_row",
        )
    if value is not None and not isinstance(value, dict):
        raise Rejected(
            "the record's value is no row: an object with a column's value by its name", code="not_row"
        )
    return (change_of(source, record, payload, Row(value)),)
