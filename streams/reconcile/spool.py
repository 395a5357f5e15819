"""What the topics say, on disk: one row for each document and partition, however many records there were.

In a temporary file, gone when it is closed. Methods block, for milliseconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, Self
from uuid import UUID

from streams.messages.changes import Change, Truncation
from streams.messages.position import Position
from streams.messages.records import Offset
from streams.reconcile.findings import Findings
from streams.reconcile.spoken import Spoken
from streams.reconcile.standing import Standing, below, latest, stand
from streams.reconcile.temporary import opened, together

_TABLES = """
CREATE TABLE said (
    key BLOB, part INTEGER, dead INTEGER, source TEXT, at INTEGER, position TEXT, timed INTEGER,
    deleted INTEGER, whole INTEGER, tenant TEXT, id TEXT, early INTEGER, nr INTEGER,
    PRIMARY KEY (key, part, dead)
) WITHOUT ROWID;
CREATE TABLE steps (key BLOB, part INTEGER, at INTEGER, PRIMARY KEY (key, part, at)) WITHOUT ROWID;
CREATE TABLE stretches (
    topic TEXT, part INTEGER, first INTEGER, last INTEGER, PRIMARY KEY (topic, part, first)
) WITHOUT ROWID;
CREATE TABLE letters (
    topic TEXT, part INTEGER, at INTEGER, first INTEGER, last INTEGER, PRIMARY KEY (topic, part, at, first)
) WITHOUT ROWID;
"""
_OF_PARTITION = (
    "SELECT part, source, at, position, timed, deleted, whole, tenant, id, early FROM said"
    " WHERE key = ? AND part = ? AND dead = ?"
)
_OF_DOCUMENT = (
    "SELECT dead, part, source, at, position, timed, deleted, whole, tenant, id, early FROM said"
    " WHERE key = ?"
)


class Stretch(NamedTuple):
    """Records of a partition that stand side by side, from the first to the last of them."""

    topic: str
    partition: int
    first: int
    last: int


class Letter(NamedTuple):
    """A record that is a dead letter, and which of its changes, counted from 0; None for all."""

    at: Offset
    refused: Iterable[range] | None = None


class Read(NamedTuple):
    """A change, which one of its record's it is, and whether it could not be read."""

    change: Change | Truncation
    number: int = 0
    unreadable: bool = False


EVERY = range(2**31)


class Spool:
    """The file. Not to be used by two at a time."""

    def __init__(self) -> None:
        self._db = opened()
        self._db.executescript(_TABLES)
        self.findings = Findings(self._db)
        self._floors: dict[str, Standing | None] = {}

    def __enter__(self) -> Self:
        """Open already."""
        return self

    def __exit__(self, *_: object) -> None:
        """The file is gone."""
        self._db.close()

    def bury(self, letters: Iterable[Letter]) -> None:
        """Remembers what is dead; of letters of one record the last counts."""
        with together(self._db):
            for at, refused in letters:
                place = (at.topic, at.partition, at.offset)
                self._db.execute("DELETE FROM letters WHERE topic = ? AND part = ? AND at = ?", place)
                rows = [(*place, one.start, one.stop - 1) for one in refused or [EVERY]]
                self._db.executemany("INSERT OR REPLACE INTO letters VALUES (?, ?, ?, ?, ?)", rows)

    def buried(self, at: Offset, number: int) -> bool:
        """Whether that change, counted from 0, of that record is a dead letter."""
        sql = "SELECT 1 FROM letters WHERE topic = ? AND part = ? AND at = ? AND ? BETWEEN first AND last"
        return self._db.execute(sql, (at.topic, at.partition, at.offset, number)).fetchone() is not None

    def died(self, key: UUID, at: Offset) -> bool:
        """Whether what counts of a document, as that record says it, is a dead letter by now."""
        sql = "SELECT nr FROM said WHERE key = ? AND part = ? AND at = ?"
        rows = self._db.execute(sql, (key.bytes, at.partition, at.offset))
        return any(self.buried(at, number) for (number,) in rows)

    def keep(self, stretches: Iterable[Stretch]) -> None:
        """Remembers where records stand."""
        with together(self._db):
            self._db.executemany("INSERT OR REPLACE INTO stretches VALUES (?, ?, ?, ?)", stretches)

    def stands(self, at: Offset) -> bool:
        """Whether a record stood there when the topic was read."""
        sql = (
            "SELECT last FROM stretches WHERE topic = ? AND part = ? AND first <= ?"
            " ORDER BY first DESC LIMIT 1"
        )
        row = self._db.execute(sql, (at.topic, at.partition, at.offset)).fetchone()
        return row is not None and row[0] >= at.offset

    @property
    def floors(self) -> Mapping[str, Standing | None]:
        """The last truncation of each source that has one."""
        return self._floors

    def take(self, changes: Iterable[Read]) -> None:
        """What records say, in the order of each partition."""
        with together(self._db):
            for change, number, unreadable in changes:
                self._take(change, number, dead=unreadable or self.buried(change.at, number))

    def _take(self, change: Change | Truncation, number: int, *, dead: bool) -> None:
        key, partition = change.key.bytes, change.at.partition
        before = self._of(key, partition, dead=False)
        buried = self._of(key, partition, dead=True) if dead else None
        floor = self._floors.get(change.source)
        found = [one for one in (before, buried) if one is not None and (not floor or not below(one, floor))]
        said = stand(change, max(found, key=_position, default=floor))
        rival = buried if dead else before
        if rival is not None and said.position <= rival.position:
            return
        if not dead:
            self._step(key, said, before)
        row = (key, partition, dead, said.source, said.offset, str(said.position), said.timed, said.deleted,
               said.whole, said.tenant, said.document_id, said.early, number)  # fmt: skip
        self._db.execute("INSERT OR REPLACE INTO said VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        if isinstance(change, Truncation):
            spoken = self._spoken(key)
            self._floors[change.source] = spoken.wanted if spoken else None

    def _step(self, key: bytes, said: Standing, before: Standing | None) -> None:
        """Remembers the records that it takes, one after the other, to come to what is not whole."""
        if before is not None and not before.whole and said.whole:
            self._db.execute("DELETE FROM steps WHERE key = ? AND part = ?", (key, said.partition))
        if not said.whole:
            told = [one for one in (before, said) if one is not None and not one.deleted]
            rows = [(key, one.partition, one.offset) for one in told]
            self._db.executemany("INSERT OR IGNORE INTO steps VALUES (?, ?, ?)", rows)

    def _of(self, key: bytes, partition: int, *, dead: bool) -> Standing | None:
        row = self._db.execute(_OF_PARTITION, (key, partition, dead)).fetchone()
        return None if row is None else _standing(*row)

    def spoken(self, keys: Sequence[UUID]) -> Mapping[UUID, Spoken]:
        """What is said of these documents; nothing of those of which no record speaks."""
        return {key: spoken for key in keys if (spoken := self._spoken(key.bytes)) is not None}

    def pages(self, size: int) -> Iterator[Sequence[Spoken]]:
        """All documents of which something is said, in the order of their keys."""
        last = b""
        while True:
            sql = "SELECT DISTINCT key FROM said WHERE key > ? ORDER BY key LIMIT ?"
            keys = [key for (key,) in self._db.execute(sql, (last, size))]
            if not keys:
                return
            yield [spoken for key in keys if (spoken := self._spoken(key)) is not None]
            last = keys[-1]

    def _spoken(self, key: bytes) -> Spoken | None:
        rows = self._db.execute(_OF_DOCUMENT, (key,)).fetchall()
        if not rows:
            return None
        said = [_standing(*row) for dead, *row in rows if not dead]
        dead = [_standing(*row) for dead, *row in rows if dead]
        return Spoken(UUID(bytes=key), latest(said), latest(dead))

    def documents(self) -> int:
        """How many documents something is said of."""
        return int(self._db.execute("SELECT count(DISTINCT key) FROM said").fetchone()[0])

    def steps(self, key: UUID, partition: int, offset: int) -> Sequence[int]:
        """The offsets of the records that lead to the one there, which comes last."""
        sql = "SELECT at FROM steps WHERE key = ? AND part = ? AND at < ? ORDER BY at"
        return [at for (at,) in self._db.execute(sql, (key.bytes, partition, offset))] + [offset]


def _position(said: Standing) -> Position:
    return said.position


def _standing(
    part: int,
    source: str,
    at: int,
    position: str,
    timed: int,
    deleted: int,
    whole: int,
    tenant: str | None,
    id_: str | None,
    early: int,
) -> Standing:
    placed = Position.parse(position)
    return Standing(
        source, part, at, placed, bool(timed), bool(deleted), bool(whole), tenant, id_, bool(early)
    )
