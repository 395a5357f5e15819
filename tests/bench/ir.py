"""Questions that others judged: SciFact's training claims (English) and service-public.fr (French).

Documents are cut into passages as a worker cuts them; a passage's vector is made of its text by the bundled
MiniLM, once: vectors are kept in `out/vectors`, by what they are of.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from streams.embedded.minilm import MiniLM
from streams.embedded.models import MINILM
from streams.indexing.chunk import Chunking, chunk

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("STREAMS_TEST_DATA") or ROOT.parent / "shared" / "data") / "ir"
KEPT = ROOT / "out" / "vectors"
CHUNKING = Chunking(max_tokens=512, target_chars=800)
THREADS = 2


@dataclass(frozen=True)
class Document:
    """A document as it would be put."""

    id: str
    title: str
    text: str

    @cached_property
    def passages(self) -> tuple[str, ...]:
        """As a worker cuts it; a document of no text is its title."""
        text = self.text or self.title
        return tuple(piece.text for piece in chunk(text, media_type="text/plain", chunking=CHUNKING))


@dataclass(frozen=True)
class Judged:
    """A question, and the ids of the documents that answer it."""

    text: str
    documents: frozenset[str]


@dataclass(frozen=True)
class Collection:
    """Documents, and questions on them."""

    name: str
    language: str
    documents: Sequence[Document]
    questions: Sequence[Judged]


def collection(name: str, language: str) -> Collection:
    """The collection in the folder of that name."""
    folder = DATA / name
    relevant: dict[str, set[str]] = {}
    with (folder / "qrels.tsv").open() as rows:
        for row in csv.DictReader(rows, delimiter="\t"):
            if int(row["score"]) > 0:
                relevant.setdefault(row["query-id"], set()).add(row["corpus-id"])
    questions = [
        Judged(one["text"], frozenset(relevant[one["_id"]]))
        for one in _lines(folder / "queries.jsonl")
        if one["_id"] in relevant
    ]
    documents = [Document(one["_id"], one["title"], one["text"]) for one in _lines(folder / "corpus.jsonl")]
    return Collection(name, language, documents, questions)


def _lines(path: Path) -> list[dict]:
    with path.open() as lines:
        return list(map(json.loads, lines))


def vectors(name: str, texts: Sequence[str]) -> np.ndarray:
    """Unit vectors, one a row; read where they were made before."""
    of = hashlib.sha256(json.dumps([MINILM.name, MINILM.quantization, *texts]).encode()).hexdigest()[:16]
    path = KEPT / f"{name}-{of}.npy"
    if not path.exists():
        KEPT.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".part.npy")
        np.save(unfinished, _embedded(texts))
        unfinished.rename(path)
    return np.load(path)


def _embedded(texts: Sequence[str]) -> np.ndarray:
    model = MiniLM(*MINILM.paths(), threads=1)
    with ThreadPoolExecutor(THREADS) as threads:
        made = threads.map(lambda text: model.embed(model.tokens(text)), texts)
        return np.array(list(made), dtype=np.float32)
