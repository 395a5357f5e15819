"""Which of the tables on a topic are the source's, and what it means that one of them is emptied.

All documents of a source go at once, or none: which rows are of which table, a floor does not say. So the
word of one table counts only where the source has no other.
"""

from __future__ import annotations

import re
from datetime import datetime
from fnmatch import fnmatchcase

from streams.errors import Rejected
from streams.messages.changes import Ignored, Truncation
from streams.messages.records import Record
from streams.sources.topics import Source

TRUNCATE = "truncate"

OTHER_TABLE = Ignored("other_table")
"""What a row says that is of no table of the source's."""

_SEPARATORS = re.compile(r"[^A-Za-z0-9]")


def is_read(source: Source, table: str) -> bool:
    """Whether rows of `table` are the source's documents: all are where it names no table."""
    return source.table is None or fnmatchcase(table, source.table)


def is_read_as(source: Source, name: str) -> bool:
    """Whether the source reads a table of this name, in whatever schema or database."""
    return source.table is None or fnmatchcase(name, source.table.rpartition(".")[2])


def is_the_only_one(source: Source, table: str) -> bool:
    """Whether the source is this very table, and no other: `table` says so, else the topic's name.

    A topic that is one table's ends in the table's name, by whatever separators: `cms.public.articles`.
    """
    if source.table is not None:
        return source.table == table
    topic, name = _SEPARATORS.sub("_", source.topic), _SEPARATORS.sub("_", table)
    return bool(table) and f"_{topic}".endswith(f"_{name}")


def is_named(source: Source, table: str) -> bool:
    """Whether the source names `table`, maybe among others, or is that very table by its topic's name."""
    return is_the_only_one(source, table) or (source.table is not None and is_read(source, table))


def emptied(
    source: Source,
    record: Record,
    table: str,
    *,
    time: int | None,
    order: int | None,
    changed_at: datetime | None,
) -> Truncation:
    """That the source has no rows any more, as `table` was emptied or dropped; "" where none is named.

    `time`, `order` and `changed_at` are as in `Change`. Raises `Rejected` (`truncate`) unless the source may
    be told so, and where it may have rows of other tables.
    """
    if source.on_truncate == "reject":
        raise Rejected(
            "the table was emptied or dropped (TRUNCATE, DROP), and its documents are kept: write "
            'on_truncate = "delete" in the sources file, then replay this record, to have every document of '
            "this source deleted",
            code=TRUNCATE,
        )
    if table and not is_the_only_one(source, table):
        raise Rejected(
            f"the table {ascii(table)[1:-1][:200]} was emptied or dropped, and this source may have rows of "
            "other tables, so that no document was deleted: where it is the only one, write its name as "
            "`table` in the sources file, then replay this record; else delete its rows, or give it a topic "
            "of its own",
            code=TRUNCATE,
        )
    return Truncation(
        source.topic,
        at=record.at,
        timestamp=record.timestamp,
        time=time,
        order=order,
        changed_at=changed_at,
    )
