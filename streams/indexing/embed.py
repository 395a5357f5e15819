"""Embedding, where the texts of concurrent callers go to the model in one batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from streams.indexing.coalesce import Coalescer
from streams.ports import UNWATCHED, Watch

if TYPE_CHECKING:
    from streams.messages.held import Vector
    from streams.ports import Embedder


class CoalescedEmbedder:
    """An `Embedder` that joins concurrent calls of `embed_documents` into batches of up to `max_texts`.

    A text that is refused (`Rejected`) fails its own caller only; `Retryable` fails all of its batch.
    """

    def __init__(
        self, embedder: Embedder, *, max_texts: int = 32, max_in_flight: int = 2, watch: Watch = UNWATCHED
    ) -> None:
        self._embedder = embedder
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
    def model(self) -> str:
        """The model's name."""
        return self._embedder.model

    @property
    def dimension(self) -> int:
        """Numbers in each vector."""
        return self._embedder.dimension

    @property
    def window(self) -> int:
        """Tokens that one text may have, prefix included."""
        return self._embedder.window

    async def embed_documents(self, texts: Sequence[str]) -> Sequence[Vector]:
        """One unit vector a text, in order. Raises `PromptTooLong` where one exceeds the window."""
        return await self._documents(texts)

    async def embed_query(self, text: str) -> Vector:
        """The unit vector of a question; not joined with others, so that none waits for a batch."""
        return await self._embedder.embed_query(text)
