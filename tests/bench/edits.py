"""What an edit costs: the share of a document's chunks that must be embedded again.

Over a book's real edit history (rust-lang/book), oldest first, for three ways of cutting:
ours, windows of 800 characters, and plain splitting at headings and paragraphs.

    python tests/bench/edits.py [--json] [--every N]
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import re
import sys
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean, median

from rich.console import Console
from rich.table import Table

from streams.indexing.chunk import Chunking, chunk

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
    return [piece.text for piece in chunk(text, media_type="text/markdown", chunking=chunking)]


def fixed(text):
    return [text[start : start + CHARACTERS] for start in range(0, len(text), CHARACTERS)]


def structural(text):
    """A new chunk at every heading, and where the next paragraph would make it longer than 1,100."""
    pieces = [""]
    for paragraph in re.split(r"\n\s*\n", text):
        heading = paragraph.startswith("#")
        if pieces[-1] and (heading or len(pieces[-1]) + len(paragraph) > CHARACTERS * 11 // 8):
            pieces.append("")
        pieces[-1] += ("\n\n" if pieces[-1] else "") + paragraph
    return pieces


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


def measure(way, cut, history):
    embedded, chunks, lengths = [], [], []
    for before, after in history:
        pieces = cut(after)
        embedded.append((Counter(pieces) - Counter(cut(before))).total())
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


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="count every N-th edit only")
    options = parser.parse_args()
    if not (DATA / HISTORY).exists():
        sys.exit(f"no edit history in {DATA}: set STREAMS_TEST_DATA to the folder that holds {HISTORY}")
    history = edits(options.every)
    ways = {"ours": ours, "windows of 800": fixed, "plain structure": structural}
    rows = [measure(way, cut, history) for way, cut in ways.items()]
    if options.json:
        print(json.dumps({"edits": len(history), "target": TARGET, "rows": [asdict(row) for row in rows]}))
    else:
        show(rows, len(history))
    return 0 if rows[0].overall <= TARGET else 1


if __name__ == "__main__":
    sys.exit(main())
