"""What an edit costs: the share of a document's chunks that must be embedded again; and what is found.

Over a book's real edit history (rust-lang/book), oldest first, and, for what is found, over two long texts
and their questions (see `answers_found`), for three ways of cutting: ours, windows of 800 characters, and
plain splitting at headings and paragraphs. Where a window begins is chance: what is found with windows is
the mean of four places to begin.

    python tests/bench/edits.py [--json] [--every N] [--no-retrieval]
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import os
import re
import sys
from collections import Counter
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import fmean, median, stdev

from rich.console import Console
from rich.table import Table

from streams.indexing.cutting.chunk import Chunking, chunk
from tests.bench import answers_found
from tests.bench.answers_found import Embedded

DATA = Path(os.environ.get("STREAMS_TEST_DATA") or Path(__file__).parents[3] / "shared" / "data")
HISTORY = "edits/rust-book-a.jsonl.gz"
TARGET = 0.20
CHARACTERS = 800
WINDOW = 2048


@dataclass(frozen=True)
class Row:
    """One way of cutting. Shares are of the chunks after an edit; `overall` is of all edits' together."""

    way: str
    overall: float
    mean: float
    median: float
    embedded_per_edit: float
    mean_characters: float
    longest: int


def ours(text):
    chunking = Chunking(WINDOW, CHARACTERS)
    return [(piece.start, piece.end) for piece in chunk(text, media_type="text/markdown", chunking=chunking)]


def fixed(text, first=CHARACTERS):
    """Windows of 800; the first one has `first` characters."""
    starts = [0, *range(first, len(text), CHARACTERS)]
    return list(zip(starts, [*starts[1:], len(text)], strict=True))


def structural(text):
    """A new chunk at every heading, and where the next paragraph would make it longer than 1,100."""
    spans, start = [], 0
    for gap in [*re.finditer(r"\n\s*\n", text), None]:
        end = len(text) if gap is None else gap.start()
        long = spans and end - spans[-1][0] > CHARACTERS * 11 // 8
        if spans and not long and not text.startswith("#", start):
            spans[-1] = (spans[-1][0], end)
        elif end > start:
            spans.append((start, end))
        start = end if gap is None else gap.end()
    return spans


WAYS = {"ours": [ours], "plain structure": [structural]} | {
    "windows of 800": [partial(fixed, first=first) for first in (800, 200, 400, 600)]
}


def edits(every):
    """(before, after) of each edit that changed a text, of which every `every`-th counts."""
    with gzip.open(DATA / HISTORY, "rt") as lines:
        events = sorted(map(json.loads, lines), key=lambda event: int(event["seq"]))
    latest, found = {}, []
    for event in events:
        before, after = event["before"] or latest.get(event["path"]), event["after"]
        latest[event["path"]] = after
        if event["op"] == "u" and before and after and before != after:
            found.append((before, after))
    return found[::every]


def _texts(text, cut):
    return [text[start:end] for start, end in cut(text)]


def measure(way, cut, history):
    embedded, chunks, lengths = [], [], []
    for before, after in history:
        pieces = _texts(after, cut)
        embedded.append((Counter(pieces) - Counter(_texts(before, cut))).total())
        chunks.append(max(1, len(pieces)))
        lengths += map(len, pieces)
    shares = [new / total for new, total in zip(embedded, chunks, strict=True)]
    overall = sum(embedded) / sum(chunks)
    return Row(way, overall, fmean(shares), median(shares), fmean(embedded), fmean(lengths), max(lengths))


def show(rows, edits_counted):
    table = Table(title=f"Embedded again after an edit ({edits_counted} edits of the Rust book)")
    for heading in (
        "",
        "overall",
        "mean of edits",
        "median",
        "chunks an edit",
        "characters a chunk",
        "longest",
    ):
        table.add_column(heading, justify="right" if heading else "left")
    for row in rows:
        table.add_row(
            row.way, f"{row.overall:.3f}", f"{row.mean:.3f}", f"{row.median:.3f}",
            f"{row.embedded_per_edit:.2f}", f"{row.mean_characters:.0f}", str(row.longest),
        )  # fmt: skip
    Console().print(table)


async def found():
    """What each way finds, and by how much ours finds more than windows: mean and standard error."""
    embedded, rows, recalls = Embedded(), [], {}
    for way, cuts in WAYS.items():
        measured = [await answers_found.measure(way, cut, DATA, embedded) for cut in cuts]
        rows.append(answers_found.mean([row for row, _ in measured]))
        recalls[way] = [fmean(of_question) for of_question in zip(*(of for _, of in measured), strict=True)]
    more = [a - b for a, b in zip(recalls["ours"], recalls["windows of 800"], strict=True)]
    return rows, fmean(more), stdev(more) / len(more) ** 0.5


def show_found(rows, more, error):
    table = Table(title="Found of an answer's characters (220 questions about two long texts)")
    for heading in ("", "recall@5", "in 4,000 characters", "precision@5", "IoU@5", "passages", "characters"):
        table.add_column(heading, justify="right" if heading else "left")
    for row in rows:
        shares = (row.recall, row.recall_4000, row.precision, row.iou)
        table.add_row(
            row.way,
            *(f"{share:.3f}" for share in shares),
            f"{row.passages:.0f}",
            f"{row.mean_characters:.0f}",
        )
    Console().print(table)
    Console().print(f"recall@5, ours less windows: {more:+.3f} (standard error {error:.3f})")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of tables")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="count every N-th edit only")
    parser.add_argument("--no-retrieval", action="store_true", help="leave out what is found: it embeds")
    options = parser.parse_args()
    if not (DATA / HISTORY).exists():
        sys.exit(f"no edit history in {DATA}: set STREAMS_TEST_DATA to the folder that holds {HISTORY}")
    history = edits(options.every)
    rows = [measure(way, cuts[0], history) for way, cuts in WAYS.items()]
    retrieved, more, error = ([], 0.0, 0.0) if options.no_retrieval else asyncio.run(found())
    if options.json:
        said = {"edits": len(history), "target": TARGET, "rows": list(map(asdict, rows))}
        print(json.dumps(said | {"found": list(map(asdict, retrieved)), "more": more, "error": error}))
    else:
        show(rows, len(history))
        if retrieved:
            show_found(retrieved, more, error)
    return 0 if max(rows[0].overall, rows[0].mean) <= TARGET and more >= -error else 1


if __name__ == "__main__":
    sys.exit(main())
