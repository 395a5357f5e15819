"""Embedding, where texts that come back within some time are not embedded again.

A document that is deleted and added again, an edit that is taken back, a snapshot after the index was
wiped: the passages that a head still lists are known from it, these are not. It is kept in the worker's
memory, as a partition's documents come to the same worker while the group stays as it is, and as losing it
costs no more than embedding.
"""

from __future__ import annotations

import hashlib
from array import array
from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from streams.indexing.batching.wrapped import WrappedEmbedder
from streams.ports import Observed, unobserved

if TYPE_CHECKING:
    from streams.messages.held import Vector
    from streams.ports import Embedder, Monotonic, Observer

OVERHEAD_BYTES = 400
"""Of an entry, beside its vector's 4 bytes a number."""


class _Entry(NamedTuple):
    made: float
    vector: array[float]


class RememberedPassages(WrappedEmbedder):
    """An embedder that remembers the vectors of documents' texts for `ttl_s` seconds, in `most_bytes`.

    By model, dimension and the text's SHA-256; of those that don't fit, what was longest not asked for
    goes. A remembered vector has the precision of the stores: 32-bit floats. Questions are not remembered.
    """

    def __init__(
        self,
        embedder: Embedder,
        *,
        ttl_s: float,
        most_bytes: int,
        monotonic: Monotonic,
        observe: Observer = unobserved,
    ) -> None:
        super().__init__(embedder)
        self._ttl_s, self._monotonic, self._observe = ttl_s, monotonic, observe
        self._most = most_bytes // (OVERHEAD_BYTES + 4 * embedder.dimension)
        self._known: OrderedDict[bytes, _Entry] = OrderedDict()

    async def embed_documents(self, texts: Sequence[str]) -> Sequence[Vector]:
        """One unit vector a text, in order; only those that are not known are embedded."""
        keys = [self._key(text) for text in texts]
        found = [self._recall(key) for key in keys]
        lacking = [number for number, vector in enumerate(found) if vector is None]
        self._count(len(texts) - len(lacking), "hit")
        self._count(len(lacking), "miss")
        if not lacking:
            return [vector for vector in found if vector is not None]
        made = await self._embedder.embed_documents([texts[number] for number in lacking])
        fresh = dict(zip(lacking, made, strict=True))
        for number, vector in fresh.items():
            self._remember(keys[number], vector)
        return [fresh[number] if vector is None else vector for number, vector in enumerate(found)]

    def _key(self, text: str) -> bytes:
        about = f"{self.model}\0{self.dimension}\0".encode()
        return hashlib.sha256(about + text.encode("utf-8", "surrogatepass")).digest()

    def _recall(self, key: bytes) -> Vector | None:
        entry = self._known.get(key)
        if entry is None:
            return None
        if self._monotonic() - entry.made >= self._ttl_s:
            del self._known[key]
            return None
        self._known.move_to_end(key)
        return entry.vector.tolist()

    def _remember(self, key: bytes, vector: Vector) -> None:
        self._known[key] = _Entry(self._monotonic(), array("f", vector))
        self._known.move_to_end(key)
        while len(self._known) > self._most:
            self._known.popitem(last=False)

    def _count(self, texts: int, result: str) -> None:
        if texts:
            self._observe(Observed("passage_cache", texts, {"result": result}))
