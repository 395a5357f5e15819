"""What the indexing bench indexes: French pages, chapters of the Rust book, and real edits of those."""

from __future__ import annotations

import gzip
import json
import os
from dataclasses import dataclass, field
from pathlib import Path

from streams.indexing.cutting.chunk import Chunking, chunk

DATA = Path(os.environ.get("STREAMS_TEST_DATA") or Path(__file__).parents[3] / "shared" / "data")
PAGES = "ir/servicepublic-fr/corpus.jsonl"
HISTORY = "edits/rust-book-a.jsonl.gz"
TENANT = "default"
CHUNKING = Chunking(max_tokens=512, target_chars=800)


@dataclass(frozen=True)
class Page:
    """A document as it is produced."""

    id: str
    text: str
    media_type: str = "text/plain"
    tenant: str = TENANT

    @property
    def key(self) -> bytes:
        return f"{self.tenant}/{self.id}".encode()

    @property
    def value(self) -> bytes:
        fields = {"id": self.id, "text": self.text, "media_type": self.media_type, "tenant": self.tenant}
        return json.dumps(fields).encode()

    def chunks(self) -> list[str]:
        """As a worker cuts it."""
        return [piece.text for piece in chunk(self.text, media_type=self.media_type, chunking=CHUNKING)]


@dataclass(frozen=True)
class Corpus:
    """What is loaded, then the edits, each a page as it is after it."""

    pages: list[Page]
    edits: list[Page]
    texts: list[str] = field(repr=False)


def corpus(documents: int, edits: int) -> Corpus:
    """The chapters that the edits are of, and as many French pages as make `documents` with them."""
    before, after = _history(edits)
    with (DATA / PAGES).open() as lines:
        french = [Page(found["_id"], found["text"]) for found in map(json.loads, lines)]
    # Evenly from all of them: the first ones are the longest.
    wanted = documents - len(before)
    pages = [*before, *(french[index * len(french) // wanted] for index in range(wanted))]
    return Corpus(pages, after, [text for page in pages for text in page.chunks()])


def _history(count: int) -> tuple[list[Page], list[Page]]:
    """The chapters before the first of `count` edits of them, and the edits, oldest first."""
    with gzip.open(DATA / HISTORY, "rt") as lines:
        events = sorted(map(json.loads, lines), key=lambda event: int(event["seq"]))
    before: dict[str, Page] = {}
    after: list[Page] = []
    for event in events:
        if event["op"] == "u" and event["before"] and event["after"] and len(after) < count:
            path = event["path"]
            before.setdefault(path, Page(path, event["before"], "text/markdown"))
            after.append(Page(path, event["after"], "text/markdown"))
    return list(before.values()), after
