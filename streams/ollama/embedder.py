"""Texts to unit vectors by an Ollama model; implements the `Embedder` port."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING

from streams.errors import Misconfigured, Rejected, Retryable
from streams.indexing.batching.wrapped import WrappedEmbedder
from streams.ollama.errors import BAD_VECTOR
from streams.ollama.prefixes import Prefixes, prefixes_of, with_prefixes

if TYPE_CHECKING:
    from streams.messages.held import Vector
    from streams.ollama.client import OllamaClient
    from streams.ollama.wire import ModelInfo
    from streams.ports import Embedder, Monotonic

BATCH = 32
UNKNOWN_WINDOW = 512
LARGEST_WINDOW = 8192
"""No passage is longer, and memory is taken for each token of the window."""
UNIT_WITHIN = 1e-6
"""How far from 1 the length of a unit vector of 32-bit floats may be."""
DIMENSION_SETTING = "STREAMS_EMBED_DIMENSION"
MODEL_SETTING = "STREAMS_EMBED_MODEL"
CANARY_TEXT = "a canary: this text is always the same"
BELIEVED_S = 1.0
"""For so long after the canary's text got a vector, a text that gets none is taken to be at fault itself."""


class OllamaEmbedder:
    """A model of known dimension and window. `window` is in tokens, the model's special ones included.

    Texts are sent `batch` at a time, all of a batch or none; the prefixes that the model wants are put
    before them, and `window` leaves room for the document's.

    A text that gets zeros or no numbers is `Rejected` (`bad_vector`) only where the canary's text gets a
    vector then: a broken GPU or driver gives them to every text, and is `Retryable` (`model_broken`).
    """

    def __init__(
        self,
        client: OllamaClient,
        model: str,
        dimension: int,
        window: int,
        batch: int = BATCH,
        *,
        monotonic: Monotonic = time.monotonic,
    ) -> None:
        self._client, self._model, self._dimension = client, model, dimension
        self._num_ctx, self._batch = window, batch
        self._prefixes = prefixes_of(model)
        self._monotonic, self._well = monotonic, -math.inf

    @property
    def model(self) -> str:
        """The model's name."""
        return self._model

    @property
    def dimension(self) -> int:
        """Numbers in each vector."""
        return self._dimension

    @property
    def window(self) -> int:
        """Tokens that one text may have; what the prefix takes is taken off already."""
        return self._num_ctx - _most_tokens(self._prefixes)

    async def embed_documents(self, texts: Sequence[str]) -> Sequence[Vector]:
        """One unit vector a text, in order. Raises `PromptTooLong` where one exceeds the window."""
        vectors: list[Vector] = []
        for start in range(0, len(texts), self._batch):
            vectors += await self._embed(self._prefixes.document, texts[start : start + self._batch])
        return vectors

    async def embed_query(self, text: str) -> Vector:
        """The unit vector of a question."""
        (vector,) = await self._embed(self._prefixes.query, [text])
        return vector

    async def _embed(self, prefix: str, texts: Sequence[str]) -> list[Vector]:
        try:
            return await self._asked(prefix, texts)
        except Rejected as refused:
            if refused.code == BAD_VECTOR:
                await self._prove()
            raise

    async def _prove(self) -> None:
        """Returns where the model embeds a text that it can embed; raises `Retryable` where it does not."""
        if self._monotonic() - self._well < BELIEVED_S:
            return
        try:
            await self._asked(self._prefixes.document, [CANARY_TEXT])
        except Rejected as refused:
            raise broken(self._model) from refused
        self._well = self._monotonic()

    async def _asked(self, prefix: str, texts: Sequence[str]) -> list[Vector]:
        raw = await self._client.embed(self._model, with_prefixes(prefix, texts), num_ctx=self._num_ctx)
        return [unit(self._checked(vector), self._model) for vector in raw]

    def _checked(self, vector: Sequence[float]) -> Sequence[float]:
        if len(vector) != self._dimension:
            raise wrong_dimension(self._model, len(vector), self._dimension)
        return vector


class CachedQueries(WrappedEmbedder):
    """An embedder that remembers up to `size` questions for `ttl_s` seconds; 0: none."""

    def __init__(self, embedder: Embedder, ttl_s: float, size: int, monotonic: Monotonic) -> None:
        super().__init__(embedder)
        self._ttl_s, self._size, self._monotonic = ttl_s, size, monotonic
        self._known: OrderedDict[str, tuple[float, Vector]] = OrderedDict()

    async def embed_query(self, text: str) -> Vector:
        """The unit vector of a question, maybe a remembered one."""
        made, vector = self._known.get(text, (-math.inf, ()))
        if self._monotonic() - made < self._ttl_s:
            self._known.move_to_end(text)
            return vector
        vector = await self._embedder.embed_query(text)
        self._remember(text, vector)
        return vector

    def _remember(self, text: str, vector: Vector) -> None:
        if self._ttl_s > 0:
            self._known[text] = (self._monotonic(), vector)
            self._known.move_to_end(text)
        while len(self._known) > self._size:
            self._known.popitem(last=False)


async def open_embedder(
    client: OllamaClient, model: str, dimension: int | None = None, batch: int = BATCH
) -> OllamaEmbedder:
    """An embedder whose window the server told, and whose dimension one vector has shown.

    Loads the model. Raises Misconfigured where `dimension` is not the model's, UnknownModel, and Retryable
    (`model_broken`) where it gives no numbers.
    """
    info = await client.show(model)
    if info.capabilities and "embedding" not in info.capabilities:
        raise Misconfigured(
            f"{model!r} is no embedding model: {MODEL_SETTING} must name one, nomic-embed-text say",
            setting=MODEL_SETTING,
        )
    try:
        (shown,) = await client.embed(model, ["dimension"], num_ctx=window_of(info))
    except Rejected as refused:
        raise (broken(model) if refused.code == BAD_VECTOR else refused) from None
    if dimension is not None and len(shown) != dimension:
        raise wrong_dimension(model, len(shown), dimension)
    return OllamaEmbedder(client, model, len(shown), window_of(info), batch)


def broken(model: str) -> Retryable:
    """What it means that no text gets a vector, not even the canary's."""
    return Retryable(
        f"{model!r} gives zeros, or no numbers, for any text: see the model server's log, its GPU and driver,"
        " and restart it",
        code="model_broken",
    )


def window_of(info: ModelInfo) -> int:
    """Tokens that the model takes at once: what it was made for, or less where its file says so."""
    made_for = info.context_length or UNKNOWN_WINDOW
    return min(made_for, info.num_ctx or made_for, LARGEST_WINDOW)


def unit(vector: Sequence[float], model: str) -> Vector:
    """The vector at length 1. Raises Rejected (`bad_vector`) where it has no direction."""
    length = math.hypot(*vector)
    if not math.isfinite(length) or length == 0.0:
        raise Rejected(f"{model!r} gave a vector without direction (zero, or no numbers)", code=BAD_VECTOR)
    # Ollama's are unit vectors already, up to the precision in which stores keep them.
    return vector if abs(length - 1.0) < UNIT_WITHIN else [x / length for x in vector]


def wrong_dimension(model: str, right: int, configured: int) -> Misconfigured:
    """The error where vectors have another length than was configured."""
    return Misconfigured(
        f"{model!r} gives vectors of {right} numbers, not {configured}: set {DIMENSION_SETTING} to {right} "
        f"(an index made with another model or dimension is made anew: docs/how-to/reindex.md)",
        setting=DIMENSION_SETTING,
    )


def _most_tokens(prefixes: Prefixes) -> int:
    # No tokenizer makes more tokens of a text than it has bytes.
    return len(prefixes.document.encode())
