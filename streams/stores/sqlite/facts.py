"""The few facts that the index holds of itself. Runs in the store's own thread."""

from __future__ import annotations

import apsw

from streams.ports import Generations
from streams.stores.encoded import decoded_generations, encoded_generations
from streams.stores.sqlite.transaction import transaction

_CANARY = "canary"
_GENERATION = "generation"
_NOTE = "note "


def generations(db: apsw.Connection) -> Generations | None:
    """The record of generations, None where there is none yet."""
    text = db.execute("SELECT value FROM facts WHERE name = ?", (_GENERATION,)).get
    return None if text is None else decoded_generations(text)


def replace_generations(db: apsw.Connection, expected: Generations | None, wanted: Generations) -> bool:
    """Writes the record `wanted` in place of `expected`; False where it is another one."""
    with transaction(db):
        if generations(db) != expected:
            return False
        db.execute(
            "INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)",
            (_GENERATION, encoded_generations(wanted)),
        )
    return True


def note(db: apsw.Connection, name: str) -> str | None:
    """The text under this name, None where there is none."""
    text: str | None = db.execute("SELECT value FROM facts WHERE name = ?", (_NOTE + name,)).get
    return text


def set_note(db: apsw.Connection, name: str, text: str) -> None:
    """Writes the text, in place of the one that was there."""
    db.execute("INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)", (_NOTE + name, text))


def canary(db: apsw.Connection) -> None:
    """Writes one row, and reads it."""
    db.execute("INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)", (_CANARY, "sings"))
    db.execute("SELECT value FROM facts WHERE name = ?", (_CANARY,)).fetchall()


def readable(db: apsw.Connection) -> None:
    """Reads one row."""
    db.execute("SELECT value FROM facts LIMIT 1").fetchall()


def version(db: apsw.Connection) -> str:
    """Of SQLite and sqlite-vec."""
    sqlite, vec = db.execute("SELECT sqlite_version(), vec_version()").fetchall()[0]
    return f"SQLite {sqlite}, sqlite-vec {vec}"
