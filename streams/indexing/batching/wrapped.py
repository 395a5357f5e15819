"""An embedder in front of another one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streams.messages.held import Vector
    from streams.ports import Embedder


class WrappedEmbedder:
    """An `Embedder` that does all as the one behind it: what a wrapper does otherwise it says itself."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder

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
        """Tokens that one text may have; what the model's prefix takes is taken off already."""
        return self._embedder.window

    async def embed_documents(self, texts: Sequence[str]) -> Sequence[Vector]:
        """One unit vector a text, in order. Raises `PromptTooLong` where one exceeds the window."""
        return await self._embedder.embed_documents(texts)

    async def embed_query(self, text: str) -> Vector:
        """The unit vector of a question."""
        return await self._embedder.embed_query(text)
