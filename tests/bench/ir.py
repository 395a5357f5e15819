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
from streams.indexing.cutting.chunk import Chunking, chunk

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("STREAMS_TEST_DATA") or ROOT.parent / "shared" / "data") / "ir"
KEPT = ROOT / "out" / "vectors"
CHUNKING = Chunking(max_tokens=512, target_chars=800)
THREADS = 2
PART = 250
"""Vectors that are made between two writes."""


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


def collection(name: str, language: str, every: int = 1) -> Collection:
    """The collection in the folder of that name.

    With `every`, a part: every so manieth question, the documents that answer those, and of the documents
    that answer none at all every so manieth.
    """
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
    asked = questions[::every]
    answers = {id_ for one in asked for id_ in one.documents}
    others = {id_ for one in questions for id_ in one.documents}
    read = [Document(one["_id"], one["title"], one["text"]) for one in _lines(folder / "corpus.jsonl")]
    beside = {one.id for one in [one for one in read if one.id not in others][::every]}
    return Collection(name, language, [one for one in read if one.id in answers | beside], asked)


def _lines(path: Path) -> list[dict]:
    with path.open() as lines:
        return list(map(json.loads, lines))


def vectors(name: str, texts: Sequence[str]) -> np.ndarray:
    """Unit vectors, one a row; those that were made before are read, also where that was interrupted."""
    of = hashlib.sha256(json.dumps([MINILM.name, MINILM.quantization, *texts]).encode()).hexdigest()[:16]
    path = KEPT / f"{name}-{of}.npy"
    KEPT.mkdir(parents=True, exist_ok=True)
    made = np.load(path) if path.exists() else np.empty((0, MINILM.embedding_length), dtype=np.float32)
    model = MiniLM(*MINILM.paths(), threads=1)
    with ThreadPoolExecutor(THREADS) as threads:
        while len(made) < len(texts):
            some = texts[len(made) : len(made) + PART]
            more = list(threads.map(lambda text: model.embed(model.tokens(text)), some))
            made = np.concatenate([made, np.array(more, dtype=np.float32)])
            _save(path, made)
    return made


def _save(path: Path, made: np.ndarray) -> None:
    unfinished = path.with_suffix(".part.npy")
    np.save(unfinished, made)
    unfinished.rename(path)
