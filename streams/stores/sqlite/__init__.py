"""The index in one SQLite file: sqlite-vec for vectors, FTS5 for words."""

from streams.stores.sqlite.store import SqliteStore, open_sqlite

__all__ = ["SqliteStore", "open_sqlite"]
