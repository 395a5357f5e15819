"""Which documents there are, page by page. Runs in the store's own thread."""

from __future__ import annotations

import json
from collections.abc import Sequence
from uuid import UUID

import apsw

from streams.stores.sqlite.documents import listed, name

PAGE = 1000

_KEYS = "SELECT DISTINCT document_key FROM heads WHERE {which}document_key > ? ORDER BY document_key LIMIT ?"
_EVERY = _KEYS.format(which="")
_OF_SOURCE = _KEYS.format(which="source = ? AND ")


def document_keys(db: apsw.Connection, source: str | None, after: str) -> Sequence[str]:
    """The next documents above `after` that have a head, of `source` where that is given."""
    if source is None:
        rows = db.execute(_EVERY, (after, PAGE))
    else:
        rows = db.execute(_OF_SOURCE, (json.dumps(source), after, PAGE))
    return [key for (key,) in rows]


def named(db: apsw.Connection, tenant: str, document_ids: Sequence[str]) -> Sequence[str]:
    """The keys of the documents that have a head of this tenant with one of these ids."""
    rows = db.execute(
        "SELECT DISTINCT document_key FROM heads"
        " WHERE name <> '' AND name IN (SELECT value FROM json_each(?))",
        (listed(name(tenant, one) for one in document_ids),),
    )
    return [key for (key,) in rows]


def present(db: apsw.Connection, tenant: str, ids: Sequence[UUID]) -> Sequence[str]:
    """Which of these passages exist."""
    rows = db.execute(
        "SELECT p.id FROM json_each(?) AS wanted CROSS JOIN passages AS p"
        " ON p.id = wanted.value AND p.tenant = ?",
        (listed(ids), tenant),
    )
    return [id_ for (id_,) in rows]
