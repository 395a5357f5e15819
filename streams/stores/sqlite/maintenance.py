"""What the vacuum asks of SQLite, page by page. Runs in the store's own thread."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import apsw

from streams.messages.position import Position
from streams.ports import PassageRef
from streams.stores.sqlite.documents import listed

PAGE = 1000

_DOCUMENTS = (
    "SELECT document_key, count(*) > 1 OR max(deleted), min(written) FROM heads"
    " WHERE document_key > ? GROUP BY document_key ORDER BY document_key LIMIT ?"
)
_REFS = "SELECT id, document_key, tenant, born FROM passages"


def unsettled(db: apsw.Connection, after: str, written_before: str) -> tuple[Sequence[UUID], str | None]:
    """The next documents after `after` that may have something to vacuum, and where to go on, if anywhere."""
    rows: list[tuple[Any, ...]] = db.execute(_DOCUMENTS, (after, PAGE)).fetchall()
    keys = [UUID(key) for key, open_, written in rows if open_ and written < written_before]
    return keys, rows[-1][0] if len(rows) == PAGE else None


def passages_of(db: apsw.Connection, document_keys: Sequence[UUID], tenant: str) -> Sequence[PassageRef]:
    """Every passage of these documents in that tenant."""
    among = "document_key IN (SELECT value FROM json_each(?))"
    rows = db.execute(f"{_REFS} WHERE tenant = ? AND {among}", (tenant, listed(document_keys)))
    return [_ref(*row) for row in rows]


def passages_written_before(
    db: apsw.Connection, after: str, written: str
) -> tuple[Sequence[PassageRef], str | None]:
    """The next passages, by id, after `after` that were written before then, and where to go on."""
    rows: list[tuple[Any, ...]] = db.execute(
        f"{_REFS} WHERE id > ? AND written < ? ORDER BY id LIMIT ?", (after, written, PAGE)
    ).fetchall()
    return [_ref(*row) for row in rows], rows[-1][0] if len(rows) == PAGE else None


def _ref(id_: str, document_key: str, tenant: str, born: str) -> PassageRef:
    return PassageRef(UUID(id_), UUID(document_key), tenant, Position.parse(born))
