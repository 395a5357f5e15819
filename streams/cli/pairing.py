"""Two sides' answers, paired by question: kept on disk, since a week of them is more than memory holds."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager

from streams.messages.answers import AnswerCompleted

CACHED_KIB = 8192
"""What of it may be in memory."""

Both = tuple[AnswerCompleted, AnswerCompleted]


class Pairing:
    """The shadow's answers first (`shadow`), then those that were sent (`live`).

    Of several answers to a question the last one counts.
    """

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        database.execute(f"PRAGMA cache_size = -{CACHED_KIB}")
        database.execute("PRAGMA journal_mode = OFF")
        database.execute(
            "CREATE TABLE pairs (question TEXT PRIMARY KEY, shadow TEXT, live TEXT) WITHOUT ROWID"
        )

    def shadow(self, answer: AnswerCompleted) -> None:
        """Keeps one of the shadow's."""
        self._database.execute(
            "INSERT OR REPLACE INTO pairs VALUES (?, ?, NULL)", (answer.question, answer.model_dump_json())
        )

    def live(self, answer: AnswerCompleted) -> None:
        """Keeps one that was sent, if the shadow has answered its question."""
        self._database.execute(
            "UPDATE pairs SET live = ? WHERE question = ?", (answer.model_dump_json(), answer.question)
        )

    @property
    def unmatched(self) -> int:
        """How many of the shadow's have no other beside them."""
        [(count,)] = self._database.execute("SELECT count(*) FROM pairs WHERE live IS NULL")
        return int(count)

    def __iter__(self) -> Iterator[Both]:
        """What was sent and what the shadow said, of each question that both have answered."""
        rows = self._database.execute("SELECT live, shadow FROM pairs WHERE live IS NOT NULL")
        for live, shadow in rows:
            yield AnswerCompleted.model_validate_json(live), AnswerCompleted.model_validate_json(shadow)


@contextmanager
def pairing() -> Iterator[Pairing]:
    """A pairing in a file without a name, which is gone at the end, whatever ends it."""
    # SQLite's own: an empty name is a temporary database of this connection's.
    with closing(sqlite3.connect("", isolation_level=None)) as database:
        yield Pairing(database)
