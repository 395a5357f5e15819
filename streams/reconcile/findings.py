"""What is wrong with documents, on disk: one thing each."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from streams.messages.records import Offset
from streams.reconcile.temporary import together
from streams.reconcile.verdict import Doubt, Kind

_TABLES = """
CREATE TABLE found (
    key BLOB PRIMARY KEY, kind TEXT, source TEXT, part INTEGER, at INTEGER, tenant TEXT, id TEXT, note TEXT
) WITHOUT ROWID;
CREATE INDEX found_in_order ON found (source, part, at, key);
"""
_FOUND = (
    "SELECT key, kind, source, part, at, tenant, id, note FROM found"
    " WHERE (source, part, at, key) > (?, ?, ?, ?) AND kind IN (SELECT value FROM json_each(?))"
    " ORDER BY source, part, at, key LIMIT ?"
)


@dataclass(frozen=True, slots=True)
class Found:
    """A document with which something is wrong.

    `at` is the record to bring it to, for an orphan or a damaged one the record that it was made of.
    `note` says why it could not be mended, or can't be told.
    """

    key: UUID
    kind: Kind
    at: Offset
    tenant: str | None
    document_id: str | None
    note: str | None = None


class Findings:
    """What was found, in a table of `db`."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._db.executescript(_TABLES)

    def keep(self, found: Iterable[Found]) -> None:
        """Remembers what is wrong with these documents, one thing each."""
        rows = [
            (one.key.bytes, one.kind, one.at.topic, one.at.partition, one.at.offset, one.tenant,
             one.document_id, one.note)
            for one in found
        ]  # fmt: skip
        with together(self._db):
            self._db.executemany("INSERT OR REPLACE INTO found VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)

    def forget(self, keys: Iterable[UUID]) -> None:
        """Nothing is wrong with these documents any more."""
        with together(self._db):
            self._db.executemany("DELETE FROM found WHERE key = ?", [(key.bytes,) for key in keys])

    def pages(self, kinds: Sequence[Kind], size: int) -> Iterator[Sequence[Found]]:
        """What is wrong in these ways, in the order in which the records stand on their topics."""
        last: tuple[str, int, int, bytes] = ("", -1, -1, b"")
        named = json.dumps(kinds)
        while rows := self._db.execute(_FOUND, (*last, named, size)).fetchall():
            yield [_found(*row) for row in rows]
            key, _, source, part, at, *_ = rows[-1]
            last = (source, part, at, key)

    def doubt(self, source: str, why: Doubt) -> None:
        """No document of this source is an orphan for sure."""
        sql = "UPDATE found SET kind = 'untold', note = ? WHERE kind = 'orphaned' AND source = ?"
        self._db.execute(sql, (why, source))

    def counts(self) -> Iterator[tuple[str, str | None, Kind, int]]:
        """How many documents of each source and tenant have something wrong with them, and what."""
        yield from self._db.execute("SELECT source, tenant, kind, count(*) FROM found GROUP BY 1, 2, 3")

    def furthest(self) -> Sequence[Offset]:
        """The last record in each partition to which a document has yet to be brought."""
        sql = (
            "SELECT source, part, max(at) FROM found WHERE kind IN ('missing', 'stale', 'resurrected')"
            " GROUP BY 1, 2"
        )
        return [Offset(topic=topic, partition=part, offset=at) for topic, part, at in self._db.execute(sql)]


def _found(
    key: bytes, kind: Kind, topic: str, part: int, at: int, tenant: str | None, id_: str | None, note: str
) -> Found:
    return Found(UUID(bytes=key), kind, Offset(topic=topic, partition=part, offset=at), tenant, id_, note)
