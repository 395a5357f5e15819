"""Hybrid search in SQLite. Runs in the store's own thread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import apsw

from streams.messages.changes import EVERYONE
from streams.ports import Hit, SearchQuery
from streams.stores.fusion import depth, fuse
from streams.stores.sqlite.documents import METADATA, READER, listed, scope
from streams.stores.sqlite.schema import TOKENIZER
from streams.stores.vectors import bounded, packed

MOST_NEIGHBOURS = 4096
"""What sqlite-vec gives at most."""
MOST_WORDS = 64
"""Words of a question that are searched for, its rarest."""
WEIGHTS = (0.0, 2.0, 1.0)
"""How much a word counts in the scope, the title and the text."""

Bindings = dict[str, object]

# A passage that the query may see. The two halves are for the two arms: one lists, the other looks up.
_READABLE = "tenant = :tenant AND kind = :reader AND label IN (SELECT value FROM json_each(:readers))"
_FILTERED = (
    "NOT EXISTS (SELECT 1 FROM json_each(:filters) AS wanted WHERE NOT EXISTS ("
    "SELECT 1 FROM labels AS l WHERE l.tenant = :tenant AND l.kind = :metadata"
    " AND l.label = wanted.value AND l.number = {number}))"
)
_INCLUDED = (
    "{number} NOT IN (SELECT p.number FROM passages AS p"
    " WHERE p.id IN (SELECT value FROM json_each(:exclude)))"
)

# ruff: noqa: S608 - what is put into these statements are the constants above
_BY_VECTOR = (
    "SELECT rowid, distance FROM vectors WHERE embedding MATCH :vector AND k = :depth AND tenant = :tenant"
    f" AND rowid IN (SELECT number FROM labels WHERE {_READABLE}"
    f" AND {_FILTERED.format(number='labels.number')} AND {_INCLUDED.format(number='labels.number')})"
    " ORDER BY distance"
)
_BY_WORDS = (
    f"SELECT rowid, -bm25(words, {', '.join(map(str, WEIGHTS))}) AS score FROM words WHERE words MATCH :match"
    f" AND EXISTS (SELECT 1 FROM labels WHERE {_READABLE} AND number = words.rowid)"
    f" AND {_FILTERED.format(number='words.rowid')} AND {_INCLUDED.format(number='words.rowid')}"
    " ORDER BY score DESC, rowid LIMIT :depth"
)
_SIMILARITIES = (
    "SELECT v.rowid, 1 - vec_distance_cosine(v.embedding, :vector) FROM json_each(:numbers) AS wanted"
    " CROSS JOIN vectors AS v ON v.rowid = wanted.value"
)
_HITS = (
    "SELECT p.number, p.id, p.document_key, p.tenant, p.text, p.title FROM json_each(:numbers) AS wanted"
    " CROSS JOIN passages AS p ON p.number = wanted.value"
)


def hybrid(db: apsw.Connection, query: SearchQuery) -> Sequence[Hit]:
    """The best passages of the tenant, best first."""
    bindings = _bindings(query)
    near = _by_vector(db, bindings) if query.alpha > 0 else {}
    worded = _by_words(db, query, bindings) if query.alpha < 1 else {}
    scores = fuse(near, worded, alpha=query.alpha)
    return _hits(db, dict(list(scores.items())[: query.limit]), bindings)


def word_counts(db: apsw.Connection, tenant: str, words: Sequence[str]) -> tuple[int, Mapping[str, int]]:
    """How many passages the tenant holds, and how many hold each word (all of its tokens)."""
    total = db.execute("SELECT count(*) FROM passages WHERE tenant = ?", (tenant,)).get
    return int(total), {word: _count(db, tenant, tokens(db, word)) for word in dict.fromkeys(words)}


def tokens(db: apsw.Connection, text: str) -> list[str]:
    """The distinct words of `text`, as the index has them."""
    tokenize = db.fts5_tokenizer(*TOKENIZER)
    found: Any = tokenize(
        text.encode(errors="replace"),
        apsw.FTS5_TOKENIZE_QUERY,
        None,
        include_offsets=False,
        include_colocated=False,
    )
    return list(dict.fromkeys(found))


def _bindings(query: SearchQuery) -> Bindings:
    return {
        "tenant": query.tenant,
        "vector": packed(query.vector),
        "depth": min(depth(query.limit), MOST_NEIGHBOURS),
        "reader": READER,
        "readers": listed({EVERYONE, *query.principals}),
        "metadata": METADATA,
        "filters": listed(query.filters),
        "exclude": listed(query.exclude),
    }


def _by_vector(db: apsw.Connection, bindings: Bindings) -> dict[int, float]:
    return {
        number: 1 - distance if distance is not None else 0.0
        for number, distance in db.execute(_BY_VECTOR, bindings)
    }


def _by_words(db: apsw.Connection, query: SearchQuery, bindings: Bindings) -> dict[int, float]:
    words = _telling(db, tokens(db, query.text))
    if not words:
        return {}
    match = f"(scope : {scope(query.tenant)}) AND ({{title text}} : ({' OR '.join(map(_quoted, words))}))"
    return dict(db.execute(_BY_WORDS, bindings | {"match": match}))


def _telling(db: apsw.Connection, words: Sequence[str]) -> list[str]:
    """The rarest of the words that occur, without those that most passages hold.

    BM25 gives a word of more than half of all passages no weight (FTS5: 1e-6), and finding those takes
    the longest. Where there are no others, they are kept.
    """
    total = db.execute("SELECT count(*) FROM passages").get
    rows = db.execute(
        "SELECT term, doc FROM vocabulary WHERE term IN (SELECT value FROM json_each(?))", (listed(words),)
    )
    counts = sorted(((count, word) for word, count in rows))
    rare = [word for count, word in counts if 2 * count <= total]
    return (rare or [word for _, word in counts])[:MOST_WORDS]


def _quoted(word: str) -> str:
    return '"' + word.replace('"', '""') + '"'


def _count(db: apsw.Connection, tenant: str, words: Sequence[str]) -> int:
    if not words:
        return 0
    every = " AND ".join(map(_quoted, words))
    match = f"(scope : {scope(tenant)}) AND ((title : ({every})) OR (text : ({every})))"
    return int(db.execute("SELECT count(*) FROM words WHERE words MATCH ?", (match,)).get)


def _hits(db: apsw.Connection, scores: Mapping[int, float], bindings: Bindings) -> list[Hit]:
    """What the scored rows hold; another process may have deleted some in between."""
    found = {"vector": bindings["vector"], "numbers": listed(scores)}
    similarities = dict(db.execute(_SIMILARITIES, found))
    rows = {number: row for number, *row in db.execute(_HITS, found)}
    return [
        Hit(UUID(id_), UUID(document_key), tenant, text, title, score, bounded(similarities[number]))
        for number, score in scores.items()
        if number in rows and number in similarities
        for id_, document_key, tenant, text, title in [rows[number]]
    ]
