"""What is found of what others judged, and how fast: `make bench-retrieval`.

In one run with one set of settings, the product's own: SciFact's training claims (English) and
service-public.fr (French), cut, embedded by the bundled MiniLM and searched as an answering worker does, in
the SQLite store or in a Weaviate. Beside it BM25 over whole documents, words alone, vectors alone, and both
by equal-weight reciprocal rank fusion.

    python tests/bench/retrieval.py [--weaviate] [--only SET] [--every N] [--json]

Vectors take half an hour of a processor, once: they are kept in `out/vectors`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import fmean
from uuid import UUID, uuid5

import numpy as np
from rich.console import Console
from rich.table import Table

from ops.servers.launch import Weaviate
from streams.answering.retrieval.query import searched_words, vector_weight
from streams.answering.retrieval.reads import Reading
from streams.answering.text.language import language_of
from streams.embedded.minilm import MiniLM
from streams.embedded.models import MINILM
from streams.evaluation.measures import ndcg_at, recall_at
from streams.messages.changes import EVERYONE
from streams.messages.held import Passage
from streams.messages.position import Position
from streams.ports import SearchQuery, Serving
from streams.settings import load
from streams.settings.names import PREFIX
from streams.stores.sqlite import open_sqlite
from streams.stores.weaviate import WeaviateConfig, open_weaviate
from tests.bench.bm25 import TOKENIZER, Bm25
from tests.bench.ir import Collection, collection, vectors

SETS = (("scifact", "en", 0.03), ("servicepublic-fr", "fr", -0.02))
"""Folder, language, and what nDCG@10 must have more than BM25."""
DEPTH = 80
"""Passages that a ranking of documents is made of: what a worker asks for with the largest `top_k`."""
RRF = 60
"""The constant of reciprocal rank fusion (Cormack et al., 2009)."""
WRITTEN_AT_ONCE = 500
NAMES = UUID("6b1a5ad9-4b9e-4b1e-9a52-0d4c5d3c3c1e")


@dataclass(frozen=True)
class Row:
    """How one way ranks one set's documents: means over its questions."""

    set: str
    way: str
    ndcg_10: float
    recall_5: float


class Embedder:
    """The bundled model, behind the port."""

    model, dimension, window = MINILM.name, MINILM.embedding_length, MINILM.context_length

    def __init__(self) -> None:
        self._model = MiniLM(*MINILM.paths(), threads=1)

    async def embed_query(self, text: str) -> list[float]:
        return self._model.embed(self._model.tokens(text))

    async def embed_documents(self, texts: Sequence[str]) -> list[list[float]]:
        return [await self.embed_query(text) for text in texts]


class Searched:
    """One collection in a store, under a tenant of its own."""

    def __init__(self, of: Collection, serving: Serving, weight: float) -> None:
        self._of, self._serving, self._weight = of, serving, weight
        self._passages = [(one, text) for one in of.documents for text in one.passages]
        self._documents: dict[UUID, str] = {}
        self._questions = vectors(f"{of.name}-questions", [one.text for one in of.questions])

    async def write(self) -> None:
        """Every passage, with its vector."""
        made = vectors(self._of.name, [text for _, text in self._passages])
        passages = [
            self._passage(number, document.id, document.title, text, made[number])
            for number, (document, text) in enumerate(self._passages)
        ]
        for start in range(0, len(passages), WRITTEN_AT_ONCE):
            await self._serving.search.write_passages(passages[start : start + WRITTEN_AT_ONCE])

    def _passage(self, number: int, document: str, title: str, text: str, vector: np.ndarray) -> Passage:
        id_ = uuid5(NAMES, f"{self._of.name} {number}")
        self._documents[id_] = document
        return Passage(
            id=id_,
            document_key=uuid5(NAMES, document),
            tenant=self._of.name,
            text=text,
            title=title,
            readers=(EVERYONE,),
            metadata=(),
            born=Position(0, 0, 0, 0),
            written=datetime.now(UTC),
            vector=vector.tolist(),
        )

    async def ways(self) -> Mapping[str, list[list[str]]]:
        """Each way's ranking of documents, one a question."""
        found: dict[str, list[list[str]]] = {
            "words alone": [], "vectors alone": [], "equal RRF": [], "rag-streams": [],
        }  # fmt: skip
        for number, question in enumerate(self._of.questions):
            worded = await self._search(number, 0.0)
            near = await self._search(number, 1.0)
            language = language_of(question.text)
            ours = await self._search(number, await vector_weight(self._serving, language, self._weight))
            for way, ids in zip(found, (worded, near, _rrf(worded, near), ours), strict=True):
                found[way].append(list(dict.fromkeys(self._documents[id_] for id_ in ids)))
        return found

    async def _search(self, number: int, alpha: float) -> list[UUID]:
        text = self._of.questions[number].text
        query = SearchQuery(
            tenant=self._of.name,
            text=searched_words(text, language_of(text)),
            vector=self._questions[number].tolist(),
            limit=DEPTH,
            alpha=alpha,
        )
        return [hit.id for hit in await self._serving.search.hybrid(query)]


def _rrf(*rankings: Sequence[UUID]) -> list[UUID]:
    scores: dict[UUID, float] = {}
    for ranking in rankings:
        for rank, id_ in enumerate(ranking, 1):
            scores[id_] = scores.get(id_, 0.0) + 1 / (RRF + rank)
    return sorted(scores, key=lambda id_: (-scores[id_], str(id_)))


def row(of: Collection, way: str, rankings: Sequence[Sequence[str]]) -> Row:
    """The means of one way's rankings."""
    pairs = [(ranked, one.documents) for ranked, one in zip(rankings, of.questions, strict=True)]
    return Row(
        of.name,
        way,
        fmean(ndcg_at(10, ranked, relevant) for ranked, relevant in pairs),
        fmean(recall_at(5, ranked, relevant) for ranked, relevant in pairs),
    )


def bm25(of: Collection) -> list[list[str]]:
    """The baseline's rankings: whole documents, title and text."""
    index = Bm25([f"{one.title} {one.text}" for one in of.documents])
    return [[of.documents[number].id for number in index.ranked(one.text, 10)] for one in of.questions]


async def measured(names: Sequence[str], every: int, *, weaviate: bool) -> list[Row]:
    """All rows, one collection after the other in one store."""
    settings = load(env_file=None, llm_provider="embedded")
    rows: list[Row] = []
    async with AsyncExitStack() as stack:
        if weaviate:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="rag-streams-retrieval-"))
            server = Weaviate(Path(folder))
            stack.callback(server.stop)
            server.start()
            at = WeaviateConfig(server.url, server.grpc_port, dimension=MINILM.embedding_length)
            store = await open_weaviate(at)
        else:
            store = await open_sqlite(None, dimension=MINILM.embedding_length)
        stack.push_async_callback(store.close)
        embedder = Embedder()
        serving = Serving(store, embedder, Reading(embedder, patience_s=600).reads)
        for name, language, _ in SETS:
            if name not in names:
                continue
            of = collection(name, language, every)
            searched = Searched(of, serving, settings.vector_weight)
            await searched.write()
            rows.append(row(of, "BM25", bm25(of)))
            rows += [row(of, way, ranked) for way, ranked in (await searched.ways()).items()]
    return rows


def show(rows: Sequence[Row]) -> None:
    """As a table, and whether the targets are met."""
    table = Table("set", "", "nDCG@10", "recall@5", title=f"BM25: {TOKENIZER}")
    for one in rows:
        table.add_row(one.set, one.way, f"{one.ndcg_10:.3f}", f"{one.recall_5:.3f}")
    console = Console()
    console.print(table)
    of = {(one.set, one.way): one.ndcg_10 for one in rows}
    for name, _, more in SETS:
        if (name, "BM25") in of:
            difference = of[name, "rag-streams"] - of[name, "BM25"]
            met = "met" if difference >= more else "NOT met"
            console.print(f"{name}: {difference:+.3f} to BM25, the target is {more:+.2f}: {met}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--weaviate", action="store_true", help="in a Weaviate that is started for it")
    parser.add_argument("--only", choices=[name for name, _, _ in SETS], help="one set alone")
    parser.add_argument(
        "--every", type=int, default=1, help="every so manieth question, and a part of the documents"
    )
    parser.add_argument("--json", action="store_true", help="a line of JSON a row")
    given = parser.parse_args()
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        del os.environ[name]
    names = [given.only] if given.only else [name for name, _, _ in SETS]
    rows = asyncio.run(measured(names, given.every, weaviate=given.weaviate))
    if given.json:
        sys.stdout.writelines(json.dumps(vars(one)) + "\n" for one in rows)
    else:
        show(rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
