"""Two sides' answers, paired by question: kept on disk, since a week of them is more than memory holds."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager

from streams.messages.answers import AnswerCompleted, Terminal

CACHED_KIB = 8192
"""What of it may be in memory."""

FAILED = ""
"""Stands for an end without an answer."""

Both = tuple[AnswerCompleted, AnswerCompleted]


class Pairing:
    """The shadow's answers first (`shadow`), then how the questions ended (`live`), as the topic has them.

    Of several answers of the shadow the last one counts; of several ends that were sent the first, as the
    contract has it.
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

    def live(self, end: Terminal) -> None:
        """Keeps an end that was sent, if the shadow has answered its question; an answer or not."""
        value = end.model_dump_json() if isinstance(end, AnswerCompleted) else FAILED
        self._database.execute(
            "UPDATE pairs SET live = ? WHERE question = ? AND live IS NULL", (value, end.question)
        )

    @property
    def unmatched(self) -> int:
        """How many of the shadow's have no other beside them."""
        [(count,)] = self._database.execute(
            "SELECT count(*) FROM pairs WHERE live IS NULL OR live = ?", (FAILED,)
        )
        return int(count)

    def __iter__(self) -> Iterator[Both]:
        """What was sent and what the shadow said, of each question that both have answered."""
        rows = self._database.execute("SELECT live, shadow FROM pairs WHERE live != ?", (FAILED,))
        for live, shadow in rows:
            yield AnswerCompleted.model_validate_json(live), AnswerCompleted.model_validate_json(shadow)


@contextmanager
def pairing() -> Iterator[Pairing]:
    """A pairing in a file without a name, which is gone at the end, whatever ends it."""
    # SQLite's own: an empty name is a temporary database of this connection's.
    with closing(sqlite3.connect("", isolation_level=None)) as database:
        yield Pairing(database)
