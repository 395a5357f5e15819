"""The tables of the index, and the connection that has them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import apsw
import sqlite_vec

from streams.errors import Misconfigured
from streams.stores.sqlite import faults
from streams.stores.sqlite.documents import name
from streams.stores.sqlite.transaction import transaction

VERSION = "1"
BUSY_SECONDS = 10.0
LONGEST_PAUSE = 0.05
TOKENIZER = ("unicode61", ["remove_diacritics", "2"])
"""How `words` is tokenized: runs of letters and digits, lower case, accents off."""

_FACTS = """
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
"""
_TABLES = """
CREATE TABLE IF NOT EXISTS heads (
    document_key TEXT NOT NULL,
    position TEXT NOT NULL,
    deleted INTEGER NOT NULL,
    written TEXT NOT NULL,
    body TEXT NOT NULL,
    source TEXT NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (document_key, position)
) STRICT;
CREATE INDEX IF NOT EXISTS heads_settled ON heads (document_key, deleted, written);

CREATE TABLE IF NOT EXISTS passages (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    document_key TEXT NOT NULL,
    tenant TEXT NOT NULL,
    text TEXT NOT NULL,
    title TEXT NOT NULL,
    readers TEXT NOT NULL,
    metadata TEXT NOT NULL,
    born TEXT NOT NULL,
    written TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS passages_of ON passages (tenant, document_key);
CREATE INDEX IF NOT EXISTS passages_written ON passages (written);

-- Who may read a passage, and its metadata: one row each, so that a filter is a look-up.
CREATE TABLE IF NOT EXISTS labels (
    tenant TEXT NOT NULL,
    kind TEXT NOT NULL,
    label TEXT NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (tenant, kind, label, number)
) STRICT, WITHOUT ROWID;

-- `scope` holds the tenant, as one word, so that a search reads no other tenant's words.
CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5(
    scope, title, text, content='', contentless_delete=1, tokenize='unicode61 remove_diacritics 2'
);
CREATE VIRTUAL TABLE IF NOT EXISTS vocabulary USING fts5vocab('words', 'row');
"""
DROPPED = ("vocabulary", "words", "vectors", "labels", "passages", "heads")
"""All tables but the facts."""

_LOOKED_UP = """
CREATE INDEX IF NOT EXISTS heads_of ON heads (source, document_key);
CREATE INDEX IF NOT EXISTS heads_named ON heads (name, document_key) WHERE name <> '';
"""
# A tenant's vectors take whole chunks: with the default, 1,024 vectors of 768 numbers, 3 MB for each tenant.
_VECTORS = """
CREATE VIRTUAL TABLE IF NOT EXISTS vectors USING vec0(
    tenant TEXT PARTITION KEY, embedding FLOAT[{dimension}] distance_metric=cosine, chunk_size=256
);
"""


def connect(path: Path | None, dimension: int) -> apsw.Connection:
    """A connection to the index at `path` (None: in memory), its tables made where there are none.

    Raises `Misconfigured` where the index holds vectors of another dimension.
    """

    def make(db: apsw.Connection) -> None:
        db.execute(_TABLES)
        _add_columns(db)
        db.execute(_LOOKED_UP)
        db.execute(_VECTORS.format(dimension=dimension))
        db.execute("INSERT OR IGNORE INTO facts (name, value) VALUES ('dimension', ?)", (str(dimension),))
        _check_dimension(db, path, dimension)

    return _connected(path, make)


def connect_record(path: Path | None) -> apsw.Connection:
    """A connection to the index at `path` (None: in memory) for what it holds of itself, its facts, alone."""
    return _connected(path, lambda _db: None)


def drop_tables(db: apsw.Connection) -> None:
    """Leaves nothing but the facts, and gives the room back."""
    with transaction(db):
        for table in DROPPED:
            db.execute(f"DROP TABLE IF EXISTS {table}")
        db.execute("DELETE FROM facts WHERE name = 'dimension'")
    db.execute("VACUUM")


def _connected(path: Path | None, make: Callable[[apsw.Connection], None]) -> apsw.Connection:
    with faults.named(path):
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        db = apsw.Connection(str(path or ":memory:"))
    try:
        with faults.named(path):
            _prepare(db)
            with transaction(db):
                db.execute(_FACTS)
                db.execute("INSERT OR IGNORE INTO facts (name, value) VALUES ('version', ?)", (VERSION,))
                _check_version(db, path)
                make(db)
    except BaseException:
        db.close()
        raise
    return db


def _add_columns(db: apsw.Connection) -> None:
    """Gives the heads of an index from before they had these columns what their bodies say."""
    there = {column for (column,) in db.execute("SELECT name FROM pragma_table_info('heads')")}
    for column, of_body in (("source", _source_of), ("name", _name_of)):
        if column not in there:
            db.create_scalar_function(f"{column}_of", of_body, 1)
            db.execute(f"ALTER TABLE heads ADD COLUMN {column} TEXT NOT NULL DEFAULT ''")
            db.execute(f"UPDATE heads SET {column} = {column}_of(body)")  # noqa: S608 - names of ours


def _source_of(*body: apsw.SQLiteValue) -> str:
    return json.dumps(json.loads(str(body[0]))["source"])


def _name_of(*body: apsw.SQLiteValue) -> str:
    head = json.loads(str(body[0]))
    return name(head["tenant"], head["document_id"])


def _prepare(db: apsw.Connection) -> None:
    db.set_busy_handler(_patience())
    db.enable_load_extension(True)
    db.load_extension(sqlite_vec.loadable_path())
    db.enable_load_extension(False)
    db.pragma("journal_mode", "wal")
    # FULL: what was acknowledged outlives a power cut, since its offset in Kafka does too.
    db.pragma("synchronous", "full")
    db.pragma("cache_size", -64 * 1024)


def _patience() -> Callable[[int], bool]:
    """Whether to try a lock again, after a pause.

    SQLite's own busy timeout would do, but a build that waits in the operating system (SETLK_TIMEOUT)
    waits all of it where both connections are in one process.
    """

    def wait(pauses: int) -> bool:
        time.sleep(min(0.001 * 2 ** min(pauses, 10), LONGEST_PAUSE))
        return pauses * LONGEST_PAUSE < BUSY_SECONDS

    return wait


def _check_version(db: apsw.Connection, path: Path | None) -> None:
    if db.execute("SELECT value FROM facts WHERE name = 'version'").get != VERSION:
        raise Misconfigured(
            f"the index {path} was made by another version of this program: set {faults.SETTING} to a new"
            " file and index anew",
            setting=faults.SETTING,
        )


def _check_dimension(db: apsw.Connection, path: Path | None, dimension: int) -> None:
    held = db.execute("SELECT value FROM facts WHERE name = 'dimension'").get
    if held != str(dimension):
        raise Misconfigured(
            f"the index {path} holds vectors of {held} numbers, STREAMS_EMBED_DIMENSION says"
            f" {dimension}: set it to {held}, or build another generation with"
            " `rag-streams reindex` (docs/how-to/reindex.md)",
            setting="STREAMS_EMBED_DIMENSION",
        )
