"""The few facts that the index holds of itself. Runs in the store's own thread."""

from __future__ import annotations

import json
from dataclasses import asdict

import apsw

from streams.ports import Generation

_CANARY = "canary"
_GENERATION = "generation"


def generation(db: apsw.Connection) -> Generation | None:
    """What the index was made with."""
    text = db.execute("SELECT value FROM facts WHERE name = ?", (_GENERATION,)).get
    return None if text is None else Generation(**json.loads(text))


def set_generation(db: apsw.Connection, made_with: Generation) -> None:
    """Says what the index is made with, unless that is said already."""
    db.execute("INSERT OR IGNORE INTO facts VALUES (?, ?)", (_GENERATION, json.dumps(asdict(made_with))))


def canary(db: apsw.Connection) -> None:
    """Writes one row, and reads it."""
    db.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (_CANARY, "sings"))
    db.execute("SELECT value FROM facts WHERE name = ?", (_CANARY,)).fetchall()


def readable(db: apsw.Connection) -> None:
    """Reads one row."""
    db.execute("SELECT value FROM facts LIMIT 1").fetchall()


def version(db: apsw.Connection) -> str:
    """Of SQLite and sqlite-vec."""
    sqlite, vec = db.execute("SELECT sqlite_version(), vec_version()").fetchall()[0]
    return f"SQLite {sqlite}, sqlite-vec {vec}"
