"""Embedding, where the texts of concurrent callers go to the model in one batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from streams.indexing.batching.coalesce import Coalescer
from streams.indexing.batching.portions import PORTION
from streams.indexing.batching.wrapped import WrappedEmbedder
from streams.ports import UNWATCHED, Watch

if TYPE_CHECKING:
    from streams.messages.held import Vector
    from streams.ports import Embedder


class CoalescedEmbedder(WrappedEmbedder):
    """An `Embedder` that joins concurrent calls of `embed_documents` into batches of up to `max_texts`.

    A text that is refused (`Rejected`) fails its own caller only; `Retryable` fails all of its batch. After
    `TooMuch` batches are smaller for a while.
    A question is not joined with others, so that none waits for a batch.
    """

    def __init__(
        self,
        embedder: Embedder,
        *,
        max_texts: int = PORTION,
        max_in_flight: int = 2,
        watch: Watch = UNWATCHED,
    ) -> None:
        super().__init__(embedder)
        self._documents: Coalescer[str, Vector] = Coalescer(
            embedder.embed_documents,
            max_items=max_texts,
            max_in_flight=max_in_flight,
            watch=watch,
            operation="embed",
        )

    @property
    def waiting(self) -> Mapping[str, int]:
        """Texts that wait for the next call."""
        return {"embed": self._documents.waiting}

    @property
    def at_once(self) -> int:
        """Texts that go into one call now, at most."""
        return self._documents.at_once

    async def embed_documents(self, texts: Sequence[str]) -> Sequence[Vector]:
        """One unit vector a text, in order. Raises `PromptTooLong` where one exceeds the window."""
        return await self._documents(texts)
