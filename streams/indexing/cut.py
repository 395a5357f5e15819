"""From a document to its chunks."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from streams.indexing.chunk import Chunk, Chunking
from streams.messages.changes import Document
from streams.messages.held import content_hash

Parse = Callable[[Document], str]
"""A document's text. Raises `Rejected`."""


class Cut(Protocol):
    """As `streams.indexing.chunk.chunk`."""

    def __call__(self, text: str, /, *, media_type: str, chunking: Chunking) -> Sequence[Chunk]:
        """The chunks of `text`, in order."""
        ...


@dataclass(frozen=True, slots=True)
class Cutter:
    """Parses, then cuts; pure, as both are."""

    parse: Parse
    cut: Cut
    chunking: Chunking

    def chunks(self, document: Document, chunking: Chunking) -> Sequence[Chunk]:
        """The document's chunks under `chunking`. Raises `Rejected` where it can't be parsed."""
        return self.cut(self.parse(document), media_type=document.media_type, chunking=chunking)

    def texts(self, document: Document, hashes: Collection[str]) -> Mapping[str, str]:
        """The chunks with these content hashes, by hash, however often the chunking was halved for them."""
        found: dict[str, str] = {}
        chunking, whole = self.chunking, None
        while chunking != whole and not found.keys() >= set(hashes):
            for piece in self.chunks(document, chunking):
                if (digest := content_hash(piece.text)) in hashes:
                    found[digest] = piece.text
            whole, chunking = chunking, chunking.halved()
        return found
