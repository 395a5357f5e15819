"""How long retrieval takes, beside the store's own query on the same index: `make bench-search`.

Texts are those of service-public.fr's passages, again and again; vectors are made up: 200 directions with
noise about each, so that passages lie in groups as real ones do. A document has four passages. One question
after the other, in three ways: the store's bare query (Weaviate's own hybrid query; SQLite's nearest vectors
and best words, one statement each, 20 of each), `Search.hybrid` as answering asks for it, and `retrieve` with
heads and floors.

    python tests/bench/search_times.py [--passages 10000] [--weaviate] [--questions 200]
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid5

import apsw
import numpy as np
from rich.console import Console
from rich.table import Table
from weaviate.classes.query import HybridFusion

from ops.servers.launch import Weaviate
from streams.answering.retrieval.query import searched_words
from streams.answering.retrieval.retrieve import retrieve
from streams.answering.retrieval.standing import Standing
from streams.messages.changes import EVERYONE
from streams.messages.held import Head, Listed, Passage
from streams.messages.position import Position
from streams.ports import SearchQuery
from streams.stores.sqlite import open_sqlite
from streams.stores.weaviate import WeaviateConfig, open_weaviate
from tests.bench.ir import collection

DIMENSION = 384
TENANT = "bench"
GROUPS, NOISE = 200, 0.7
PASSAGES_A_DOCUMENT = 4
WANTED, OVERFETCH, ROUNDS, ALPHA = 5, 4, 5, 0.5
WRITTEN_AT_ONCE, MADE_AT_ONCE = 500, 10_000
NAMES = UUID("6b1a5ad9-4b9e-4b1e-9a52-0d4c5d3c3c1e")
KEY = "service-public.fr"


@dataclass(frozen=True)
class Took:
    """Milliseconds."""

    way: str
    p50: float
    p95: float


def vectors(count: int, chosen: np.random.Generator, groups: np.ndarray) -> np.ndarray:
    """Unit vectors, each about one of the groups; made in parts, as noise is of twice their size."""
    parts = [min(MADE_AT_ONCE, count - start) for start in range(0, count, MADE_AT_ONCE)]
    return np.concatenate([_part(size, chosen, groups) for size in parts])


def _part(count: int, chosen: np.random.Generator, groups: np.ndarray) -> np.ndarray:
    made = groups[chosen.integers(len(groups), size=count)]
    made = made + NOISE * chosen.standard_normal(made.shape) / np.sqrt(DIMENSION)
    return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)


def documents(texts: Sequence[str], made: np.ndarray) -> Iterator[tuple[Head, list[Passage]]]:
    """Documents of a few passages each."""
    written = datetime.now(UTC)
    for start in range(0, len(made), PASSAGES_A_DOCUMENT):
        key = uuid5(NAMES, str(start))
        numbers = range(start, min(start + PASSAGES_A_DOCUMENT, len(made)))
        passages = [
            Passage(
                id=uuid5(key, str(number)), document_key=key, tenant=TENANT, text=texts[number % len(texts)],
                title="", readers=(EVERYONE,), metadata=(), born=Position(0, 0, 0, start), written=written,
                vector=made[number].tolist(),
            )
            for number in numbers
        ]  # fmt: skip
        yield _head(key, start, passages, written), passages


def _head(key: UUID, start: int, passages: Sequence[Passage], written: datetime) -> Head:
    return Head(
        document_key=key, position=Position(0, 0, 0, start), deleted=False, tenant=TENANT,
        document_id=f"d{start}", title=None, url=None, language=None, readers=(EVERYONE,), metadata=(),
        source=KEY, record_key=f"d{start}", topic="documents.changes", partition=0, offset=start,
        written=written,
        passages=tuple(Listed(one.id, "0" * 64, 0, len(one.text)) for one in passages),
    )  # fmt: skip


async def fill(store, texts: Sequence[str], made: np.ndarray) -> None:
    """Writes all documents."""
    heads: list[Head] = []
    passages: list[Passage] = []
    for head, some in documents(texts, made):
        heads.append(head)
        passages += some
        if len(passages) >= WRITTEN_AT_ONCE:
            await store.write_passages(passages)
            await store.write_heads(heads)
            heads, passages = [], []
    await store.write_passages(passages)
    await store.write_heads(heads)


Bare = Callable[[SearchQuery], Awaitable[object]]


def bare_sqlite(path: Path) -> Bare:
    """Nearest vectors and best words, as SQLite and its extensions give them."""
    import sqlite_vec

    db = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    db.enable_load_extension(True)
    db.load_extension(sqlite_vec.loadable_path())

    def search(query: SearchQuery) -> None:
        near = "SELECT rowid, distance FROM vectors WHERE embedding MATCH ? AND k = 20 AND tenant = ?"
        db.execute(near, (np.asarray(query.vector, dtype=np.float32).tobytes(), query.tenant)).fetchall()
        words = " OR ".join(f'"{word}"' for word in query.text.split())
        best = "SELECT rowid, bm25(words) FROM words WHERE words MATCH ? ORDER BY rank LIMIT 20"
        db.execute(best, (f"{{title text}} : ({words})",)).fetchall()

    async def bare(query: SearchQuery) -> None:
        await asyncio.to_thread(search, query)

    return bare


def bare_weaviate(store, config: WeaviateConfig) -> Bare:
    """Weaviate's own hybrid query, twenty objects with their text."""

    async def bare(query: SearchQuery) -> object:
        collection = store._session.client.collections.use(config.passages).with_tenant(query.tenant)
        return await collection.query.hybrid(
            query.text, vector=list(query.vector), alpha=ALPHA, limit=20,
            fusion_type=HybridFusion.RELATIVE_SCORE,
            query_properties=["text", "title^2"], return_properties=["text", "title", "document_key"],
        )  # fmt: skip

    return bare


async def measured(store, bare: Bare, questions: Sequence[str], made: np.ndarray) -> list[Took]:
    """One question after the other, each in all three ways."""
    standing = Standing()
    took: dict[str, list[float]] = {"store's own query": [], "hybrid": [], "retrieve": []}
    for number, (text, vector) in enumerate(zip(questions, made, strict=True)):
        query = SearchQuery(
            tenant=TENANT, text=searched_words(text, "fr"), vector=vector.tolist(),
            limit=WANTED * OVERFETCH, alpha=ALPHA,
        )  # fmt: skip

        async def ours(query: SearchQuery = query) -> object:
            return await retrieve(
                store, query, wanted=WANTED, overfetch=OVERFETCH, rounds=ROUNDS, standing=standing
            )

        ways = [
            ("store's own query", lambda query=query: bare(query)),
            ("hybrid", lambda query=query: store.hybrid(query)),
            ("retrieve", ours),
        ]
        # In another order each time: what comes first warms the store for the others.
        for way, call in ways[number % 3 :] + ways[: number % 3]:
            began = time.monotonic()
            await call()
            took[way].append(1000 * (time.monotonic() - began))
    return [Took(way, *(float(np.percentile(times, at)) for at in (50, 95))) for way, times in took.items()]


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--passages", type=int, default=10_000)
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--weaviate", action="store_true", help="in a Weaviate that is started for it")
    given = parser.parse_args()
    chosen = np.random.default_rng(1)
    groups = vectors(GROUPS, chosen, np.zeros((1, DIMENSION)))
    of = collection("servicepublic-fr", "fr")
    texts = [text for one in of.documents for text in one.passages]
    asked = [of.questions[number % len(of.questions)].text for number in range(given.questions)]
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rag-streams-search-")))
        if given.weaviate:
            server = Weaviate(folder)
            stack.callback(server.stop)
            server.start()
            config = WeaviateConfig(url=server.url, grpc_port=server.grpc_port, dimension=DIMENSION)
            store = await open_weaviate(config)
            bare = bare_weaviate(store, config)
        else:
            store = await open_sqlite(folder / "index.db", dimension=DIMENSION)
        stack.push_async_callback(store.close)
        began = time.monotonic()
        await fill(store, texts, vectors(given.passages, chosen, groups))
        loaded = time.monotonic() - began
        if not given.weaviate:
            bare = bare_sqlite(folder / "index.db")
        rows = await measured(store, bare, asked, vectors(given.questions, chosen, groups))
        held = _megabytes(folder)
    name = "Weaviate" if given.weaviate else "SQLite"
    table = Table("ms", "p50", "p95", title=f"{name}, {given.passages:,} passages")
    for one in rows:
        table.add_row(one.way, f"{one.p50:.1f}", f"{one.p95:.1f}")
    Console().print(table)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    took = f"{given.passages:,} passages were written in {loaded:.0f} s"
    Console().print(f"{took}; this process had {peak:.0f} MB at most, the store {held} MB on disk")
    return 0


def _megabytes(folder: Path) -> int:
    return round(sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 2**20)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
