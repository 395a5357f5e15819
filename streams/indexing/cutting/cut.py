"""From a document to its chunks: parse, then chunk."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from streams.indexing.cutting.chunk import Chunk, Chunking
from streams.messages.changes import Document
from streams.messages.held import content_hash


class Parsed(NamedTuple):
    """A document's text, and how it is read: `text/markdown` or `text/plain`."""

    text: str
    media_type: str


Parse = Callable[[Document], Parsed]
"""A document's text. Raises `Rejected`."""


class Chunks(Protocol):
    """As `streams.indexing.cutting.chunk.chunk`."""

    def __call__(self, text: str, /, *, media_type: str, chunking: Chunking) -> Sequence[Chunk]:
        """The chunks of `text`, in order."""
        ...


class Cutter(Protocol):
    """What cuts documents, here or elsewhere."""

    async def chunks(self, document: Document, chunking: Chunking) -> Sequence[Chunk]:
        """The document's chunks: always the same for the same document and chunking.

        Raises `Rejected` where it can't be parsed.
        """
        ...


@dataclass(frozen=True, slots=True)
class HereCutter:
    """A `Cutter` that does it at once, in this process."""

    parse: Parse
    chunk: Chunks

    async def chunks(self, document: Document, chunking: Chunking) -> Sequence[Chunk]:
        """As `Cutter`."""
        return self.cut(document, chunking)

    def cut(self, document: Document, chunking: Chunking) -> Sequence[Chunk]:
        """The same, for those who can't wait; pure, as what it is made of."""
        parsed = self.parse(document)
        return self.chunk(parsed.text, media_type=parsed.media_type, chunking=chunking)


async def texts(
    cutter: Cutter, document: Document, hashes: Collection[str], chunking: Chunking
) -> Mapping[str, str]:
    """The chunks with these content hashes, by hash, however often the chunking was halved for them."""
    found: dict[str, str] = {}
    now: Chunking | None = chunking
    while now is not None and not found.keys() >= set(hashes):
        for piece in await cutter.chunks(document, now):
            if (digest := content_hash(piece.text)) in hashes:
                found[digest] = piece.text
        halved = now.halved()
        now = halved if halved != now else None
    return found
