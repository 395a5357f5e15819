"""Heads and passages in SQLite: read, written, deleted. Runs in the store's own thread."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import apsw

from streams.messages.held import Head, Passage
from streams.messages.position import Position
from streams.stores.encoded import decoded_head, encoded_head, encoded_time
from streams.stores.sqlite.transaction import transaction
from streams.stores.vectors import packed, unpacked

READER = "reader"
METADATA = "metadata"


def listed(values: Iterable[object]) -> str:
    """Values as `json_each` reads them: any number of them in one parameter."""
    return json.dumps([str(value) for value in values])


def name(tenant: str | None, document_id: str | None) -> str:
    """Tenant and id of a document as one text; nothing for what has none."""
    return "" if tenant is None or document_id is None else json.dumps([tenant, document_id])


def scope(tenant: str) -> str:
    """A tenant as one word that the tokenizer leaves whole."""
    return "t" + tenant.encode().hex()


def read_heads(db: apsw.Connection, document_keys: Sequence[UUID]) -> Mapping[UUID, Sequence[Head]]:
    """All heads of each document."""
    rows = db.execute(
        "SELECT body FROM heads WHERE document_key IN (SELECT value FROM json_each(?))",
        (listed(document_keys),),
    )
    heads: dict[UUID, list[Head]] = {}
    for (body,) in rows:
        head = decoded_head(body)
        heads.setdefault(head.document_key, []).append(head)
    return heads


def read_current_heads(db: apsw.Connection, document_keys: Sequence[UUID]) -> Mapping[UUID, Head]:
    """The head with the highest position of each document."""
    # The index alone tells the highest position. Beside an aggregate, SQLite would read every row's body.
    rows = db.execute(
        "SELECT held.body FROM json_each(?) AS wanted JOIN heads AS held ON held.document_key = wanted.value"
        " AND held.position = (SELECT max(position) FROM heads WHERE document_key = wanted.value)",
        (listed(dict.fromkeys(document_keys)),),
    )
    heads = [decoded_head(body) for (body,) in rows]
    return {head.document_key: head for head in heads}


def write_heads(db: apsw.Connection, heads: Sequence[Head]) -> None:
    """Writes heads, in one transaction."""
    rows = [
        (
            str(head.document_key),
            str(head.position),
            int(head.deleted),
            encoded_time(head.written),
            encoded_head(head),
            json.dumps(head.source),
            name(head.tenant, head.document_id),
        )
        for head in heads
    ]
    with transaction(db):
        db.executemany(
            "INSERT OR REPLACE INTO heads (document_key, position, deleted, written, body, source, name)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            rows,
        )


def delete_heads(db: apsw.Connection, positions: Mapping[UUID, Collection[Position]]) -> None:
    """Deletes those of each document."""
    with transaction(db):
        db.executemany(
            "DELETE FROM heads WHERE document_key = ? AND position IN (SELECT value FROM json_each(?))",
            [(str(key), listed(some)) for key, some in positions.items()],
        )


def read_passages(db: apsw.Connection, tenant: str, ids: Sequence[UUID]) -> Sequence[Passage]:
    """The passages that exist among `ids`, with their vectors."""
    rows = db.execute(
        "SELECT p.id, p.document_key, p.tenant, p.text, p.title, p.readers, p.metadata, p.born, p.written,"
        " v.embedding"
        " FROM json_each(?) AS wanted CROSS JOIN passages AS p ON p.id = wanted.value AND p.tenant = ?"
        " CROSS JOIN vectors AS v ON v.rowid = p.number",
        (listed(dict.fromkeys(ids)), tenant),
    )
    return [_passage(*row) for row in rows]


def _passage(
    id_: str,
    document_key: str,
    tenant: str,
    text: str,
    title: str,
    readers: str,
    metadata: str,
    born: str,
    written: str,
    embedding: bytes,
) -> Passage:
    return Passage(
        id=UUID(id_),
        document_key=UUID(document_key),
        tenant=tenant,
        text=text,
        title=title,
        readers=tuple(json.loads(readers)),
        metadata=tuple(json.loads(metadata)),
        born=Position.parse(born),
        written=datetime.fromisoformat(written),
        vector=unpacked(embedding),
    )


def write_passages(db: apsw.Connection, passages: Sequence[Passage]) -> None:
    """Writes passages, in one transaction."""
    with transaction(db):
        for passage in passages:
            if not _refresh(db, passage):
                _insert(db, passage)


def _refresh(db: apsw.Connection, passage: Passage) -> bool:
    """Renews what a passage written again may have anew, its time and vector; False where it isn't there."""
    sql = "UPDATE passages SET written = ? WHERE id = ? RETURNING number"
    numbers = [number for (number,) in db.execute(sql, (encoded_time(passage.written), str(passage.id)))]
    for number in numbers:
        db.execute("UPDATE vectors SET embedding = ? WHERE rowid = ?", (packed(passage.vector), number))
    return bool(numbers)


def _insert(db: apsw.Connection, passage: Passage) -> None:
    db.execute(
        "INSERT INTO passages (id, document_key, tenant, text, title, readers, metadata, born, written)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            str(passage.id), str(passage.document_key), passage.tenant, passage.text, passage.title,
            json.dumps(passage.readers), json.dumps(passage.metadata), str(passage.born),
            encoded_time(passage.written),
        ),
    )  # fmt: skip
    number = db.last_insert_rowid()
    db.execute(
        "INSERT INTO vectors (rowid, tenant, embedding) VALUES (?, ?, ?)",
        (number, passage.tenant, packed(passage.vector)),
    )
    db.execute(
        "INSERT INTO words (rowid, scope, title, text) VALUES (?, ?, ?, ?)",
        (number, scope(passage.tenant), passage.title, passage.text),
    )
    labels = {(READER, reader) for reader in passage.readers} | {
        (METADATA, pair) for pair in passage.metadata
    }
    db.executemany(
        "INSERT INTO labels (tenant, kind, label, number) VALUES (?, ?, ?, ?)",
        [(passage.tenant, kind, label, number) for kind, label in labels],
    )


def delete_passages(db: apsw.Connection, tenant: str, ids: Sequence[UUID]) -> None:
    """Deletes passages by id, in one transaction."""
    with transaction(db):
        rows = db.execute(
            "DELETE FROM passages WHERE tenant = ? AND id IN (SELECT value FROM json_each(?))"
            " RETURNING number, readers, metadata",
            (tenant, listed(ids)),
        ).fetchall()
        for number, readers, metadata in rows:
            db.execute("DELETE FROM vectors WHERE rowid = ?", (number,))
            db.execute("DELETE FROM words WHERE rowid = ?", (number,))
            for kind, labels in ((READER, readers), (METADATA, metadata)):
                db.execute(
                    "DELETE FROM labels WHERE tenant = ? AND kind = ? AND number = ?"
                    " AND label IN (SELECT value FROM json_each(?))",
                    (tenant, kind, number, labels),
                )
