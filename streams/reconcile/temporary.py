"""A temporary SQLite file with a small cache, gone when it is closed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

CACHE_KIB = 16 * 1024

_PRAGMAS = f"""
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -{CACHE_KIB};
"""


def opened() -> sqlite3.Connection:
    """A new one, for one user at a time."""
    # An empty name is a file that SQLite makes where temporary files go, and that nobody else sees.
    db = sqlite3.connect("", isolation_level=None, check_same_thread=False)
    db.executescript(_PRAGMAS)
    return db


@contextmanager
def together(db: sqlite3.Connection) -> Iterator[None]:
    """Many writes as one; without a journal there is nothing to roll back to, and nobody who wants it."""
    db.execute("BEGIN")
    try:
        yield
    finally:
        db.execute("COMMIT")
