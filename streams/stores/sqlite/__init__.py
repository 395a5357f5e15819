"""The index in SQLite files: sqlite-vec for vectors, FTS5 for words."""

from streams.stores.sqlite.index import SqliteIndex, open_sqlite_index
from streams.stores.sqlite.store import SqliteStore, open_sqlite

__all__ = ["SqliteIndex", "SqliteStore", "open_sqlite", "open_sqlite_index"]
