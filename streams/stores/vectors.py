"""Vectors as stores hold them: 32-bit floats, of one dimension, finite."""

from __future__ import annotations

import math
import sys
from array import array
from operator import mul

from streams.errors import Misconfigured, Rejected
from streams.messages.held import Vector


def packed(vector: Vector) -> bytes:
    """The vector as 32-bit little-endian floats."""
    floats = array("f", vector)
    if sys.byteorder == "big":
        floats.byteswap()
    return floats.tobytes()


def unpacked(data: bytes) -> Vector:
    """The vector that `packed` made `data` of, up to the precision of 32-bit floats."""
    floats = array("f")
    floats.frombytes(data)
    if sys.byteorder == "big":
        floats.byteswap()
    return floats.tolist()


def check_vector(vector: Vector, dimension: int) -> None:
    """Raises `Misconfigured` for a vector of another dimension, `Rejected` for one that is not finite."""
    if len(vector) != dimension:
        raise Misconfigured(
            f"a vector has {len(vector)} numbers, the index was made for {dimension}: set"
            " STREAMS_EMBED_DIMENSION to what the embedding model gives, and make the index anew with"
            " docs/how-to/reindex.md",
            setting="STREAMS_EMBED_DIMENSION",
        )
    if not math.isfinite(sum(vector)):
        raise Rejected(
            "the embedding model gave a vector that holds no numbers (NaN or infinity)", code="invalid_vector"
        )


def cosine(one: Vector, other: Vector) -> float:
    """The cosine of the angle between two vectors, -1 to 1; 0 where either has no length."""
    lengths = math.sqrt(sum(map(mul, one, one)) * sum(map(mul, other, other)))
    return bounded(sum(map(mul, one, other)) / lengths) if lengths else 0.0


def bounded(similarity: float | None) -> float:
    """A cosine as a store computed it, rounding kept within -1 to 1; none at all counts as 0."""
    return 0.0 if similarity is None or math.isnan(similarity) else max(-1.0, min(1.0, similarity))
