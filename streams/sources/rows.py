"""What the formats of change-data-capture have in common: rows, written or gone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import JsonValue


@dataclass(frozen=True, slots=True)
class Row:
    """One row as its source says it is now (`columns`), or that it is gone (None).

    Values are plain JSON: what a source encodes (decimals, dates, bytes) is decoded. `key` holds the key
    columns that the format itself names, None where it names none: the record's key, or the source's `key`
    setting, says then. `lacking` names columns that are there but whose values the record leaves out.
    `partial`: columns that are not there at all are as they were, if the row has them. `moved`: it was as it
    was under another key, so that nothing of this key's document says how. `sparse`: such columns are null.
    `before` is the row as it was, as far as the record says: its key columns may be needed.
    `time` (nanoseconds since the epoch), `early` and `order` are the source's own, as in `Change`.
    """

    columns: Mapping[str, JsonValue] | None
    key: Mapping[str, JsonValue] | None = None
    lacking: frozenset[str] = field(default_factory=frozenset)
    partial: bool = False
    moved: bool = False
    sparse: bool = False
    before: Mapping[str, JsonValue] | None = None
    time: int | None = None
    early: bool = False
    order: int | None = None
    changed_at: datetime | None = None
