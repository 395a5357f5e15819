"""Writing again what a head lists and what is no longer there."""

from __future__ import annotations

from dataclasses import dataclass

from streams.indexing.cutting.chunk import Chunking
from streams.indexing.cutting.cut import Cutter, texts
from streams.indexing.plan import passage
from streams.messages.changes import Document
from streams.messages.held import Head
from streams.ports import Documents, Embedder, Now, Observed, Observer


@dataclass(frozen=True, slots=True)
class Repair:
    """Makes a head whole again from the document that it was made from.

    A passage written again keeps its id, though it is born with the head that lists it: when it was first
    written nobody knows any more, and the vacuum asks only whether that was after the current head.
    """

    documents: Documents
    embedder: Embedder
    cutter: Cutter
    chunking: Chunking
    now: Now
    observe: Observer

    async def __call__(self, document: Document, head: Head) -> None:
        """Embeds and writes the passages that `head` lists and that do not exist; none, usually."""
        if head.tenant is None or not head.passages:
            return
        there = await self.documents.passages(head.tenant, [entry.id for entry in head.passages])
        ids = {held.id for held in there}
        gone = {entry.id: entry.content_hash for entry in head.passages if entry.id not in ids}
        if not gone:
            return
        found = await texts(self.cutter, document, set(gone.values()), self.chunking)
        embedded = await self.embedder.embed_documents(list(found.values()))
        vectors = dict(zip(found, embedded, strict=True))
        written = self.now()
        again = [
            passage(head, id_, found[digest], vectors[digest], written)
            for id_, digest in gone.items()
            if digest in found
        ]
        await self.documents.write_passages(again)
        self.observe(Observed("passages_repaired", len(again)))
