"""What a deletion's `before` knows of its row: what identifies it to the database, maybe not to the source.

PostgreSQL writes the columns of the replica identity alone, by default those of the primary key. In the
others stands null, and in those that can't be null what Debezium has for their type: an empty text, a zero.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from pydantic import JsonValue

from streams.sources.topics import Source

WHOLE = 2
"""Columns beside the key that hold something only in a row that was written whole."""

_ZERO = re.compile(r"(1970-01-01)?[T ]?[0:.\-]*(Z|\+00:00)?|\{\}|\[\]")
"""Texts that stand for nothing: none, zeros, the epoch, an identifier of zeros, empty JSON."""


def told(source: Source, record_key: JsonValue, before: Mapping[str, JsonValue]) -> Mapping[str, JsonValue]:
    """`before` without the columns of the source's `key` that look as if the database had not written them.

    None does where the record's key has them, or where there is none: a table without a key has its whole
    rows written, or no deletions. Nor does any in a row that holds something elsewhere, as one does that was
    written whole: in two columns at least, as one may have a default, or in half of a few.
    """
    if record_key is None or (not isinstance(record_key, Mapping) and len(source.key) == 1):
        return before
    known = set(record_key) if isinstance(record_key, Mapping) else set()
    names = [name for name in source.key if name not in known]
    filled = [name for name in names if _is_filler(before.get(name))]
    others = before.keys() - known - set(names)
    held = sum(not _is_filler(before[name]) for name in others)
    if not filled or held >= WHOLE or 0 < len(others) <= 2 * held:
        return before
    return {name: value for name, value in before.items() if name not in filled}


def _is_filler(value: JsonValue) -> bool:
    return not value or (isinstance(value, str) and _ZERO.fullmatch(value) is not None)
