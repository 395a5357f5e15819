"""How much of an answer is among the passages that a question finds, for several ways of cutting.

Two long texts with questions and the exact spans that answer them: those of Chroma's chunking evaluation
(brandonstarxel/chunking_evaluation), whose recall, precision and IoU these are, counted in characters.
Passages are found as the embedded product finds them: by MiniLM's vectors and BM25's words, in its store.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import fmean
from uuid import UUID

from streams.embedded.minilm import MiniLM
from streams.embedded.models import MINILM
from streams.messages.changes import EVERYONE
from streams.messages.held import Passage
from streams.messages.position import Position
from streams.ports import SearchQuery
from streams.stores.sqlite import open_sqlite

FOLDER = "ir/chroma-chunking"
TOP = 5
BUDGET = 4000
ALPHA = 0.3
"""As answering searches with MiniLM."""

Span = tuple[int, int]
Place = tuple[str, Span]


@dataclass(frozen=True)
class Found:
    """Means over the questions. Of the answers' characters, the share in the five best passages (`recall`),
    and in the first 4,000 characters of the best passages (`recall_4000`); of the five's characters, the
    share that is the answers' (`precision`); and the intersection of both over their union (`iou`)."""

    way: str
    recall: float
    recall_4000: float
    precision: float
    iou: float
    passages: float
    mean_characters: float


def mean(rows: Sequence[Found]) -> Found:
    """One row for several of the same way."""
    numbers = zip(*(list(asdict(row).values())[1:] for row in rows), strict=True)
    return Found(rows[0].way, *map(fmean, numbers))


class Embedded:
    """Unit vectors of texts, each made once."""

    def __init__(self, threads: int = 2) -> None:
        self._model = MiniLM(*MINILM.paths(), threads=threads)
        self._known: dict[str, list[float]] = {}

    def __call__(self, text: str) -> list[float]:
        if text not in self._known:
            self._known[text] = self._model.embed(self._model.tokens(text))
        return self._known[text]


async def measure(
    way: str, cut: Callable[[str], Iterable[Span]], data: Path, embedded: Embedded
) -> tuple[Found, list[float]]:
    """`cut` gives the spans of a text's passages. Both texts are searched together; and each recall."""
    texts = {path.stem: path.read_text() for path in sorted((data / FOLDER).glob("*.md"))}
    places = {
        UUID(int=number): place
        for number, place in enumerate((name, span) for name, text in texts.items() for span in cut(text))
    }
    store = await open_sqlite(None, dimension=MINILM.embedding_length)
    written = [_passage(id_, texts[name][slice(*span)], embedded) for id_, (name, span) in places.items()]
    await store.write_passages(written)
    scored = []
    for question in _questions(data):
        query = SearchQuery(
            tenant="bench", text=question["text"], vector=embedded(question["text"]), limit=20, alpha=ALPHA
        )
        scored.append(_scores(question, [places[hit.id] for hit in await store.hybrid(query)]))
    await store.close()
    means = [fmean(column) for column in zip(*scored, strict=True)]
    lengths = [end - start for _, (start, end) in places.values()]
    return Found(way, *means, len(places), fmean(lengths)), [recall for recall, *_ in scored]


def _questions(data: Path) -> list[dict]:
    with (data / FOLDER / "queries.jsonl").open() as lines:
        return list(map(json.loads, lines))


def _passage(id_: UUID, text: str, embedded: Embedded) -> Passage:
    return Passage(
        id=id_,
        document_key=id_,
        tenant="bench",
        text=text,
        title="",
        readers=(EVERYONE,),
        metadata=(),
        born=Position(0, 0, 0, 0),
        written=datetime.now(UTC),
        vector=embedded(text),
    )


def _scores(question: dict, found: Sequence[Place]) -> tuple[float, float, float, float]:
    wanted = {at for ref in question["references"] for at in range(ref["start_index"], ref["end_index"])}
    best, first = list(_characters(found[:TOP])), list(_characters(found))[:BUDGET]
    common = len(wanted & {at for name, at in best if name == question["corpus"]})
    early = len(wanted & {at for name, at in first if name == question["corpus"]})
    return (
        common / len(wanted),
        early / len(wanted),
        common / len(best),
        common / (len(wanted) + len(best) - common),
    )


def _characters(places: Sequence[Place]) -> Iterable[tuple[str, int]]:
    return ((name, at) for name, (start, end) in places for at in range(start, end))
