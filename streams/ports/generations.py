"""Generations of the index: what each was made with, and which of them questions are answered from."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime

from streams.ports.index import Search
from streams.ports.models import Embedder, Reads, reads_all


@dataclass(frozen=True, slots=True)
class Generation:
    """What an index is made with: the embedding model, its dimension, and how documents are cut.

    `name` is that of its own collections or files; no two generations of an index ever share one.
    """

    embed_model: str
    dimension: int
    chunking: str
    name: str = "g1"

    def made_as(self, other: Generation) -> bool:
        """Whether the two differ in name alone."""
        return replace(other, name=self.name) == self


@dataclass(frozen=True, slots=True)
class Generations:
    """The one small record that says which generations of an index there are, and which one counts.

    Questions are answered from `live`. `building` is filled beside it; `previous` was live before. Changes
    go to the live one and the one that is built. `made` counts all there ever were. `switched`: when the
    live one became it (UTC), None for the first. `returning`: what is built was live before, in a rollback.
    `kafka`: the id of the Kafka cluster whose documents the index holds; None where nobody has said.
    """

    live: Generation
    building: Generation | None = None
    previous: Generation | None = None
    made: int = 1
    switched: datetime | None = None
    returning: bool = False
    kafka: str | None = None


@dataclass(frozen=True, slots=True)
class Serving:
    """What a question is answered from: one generation, the embedder that made its vectors, what it reads."""

    search: Search
    embedder: Embedder
    reads: Reads = reads_all


Serve = Callable[[], Awaitable[Serving]]
"""Gives the generation that counts now, the same `Search` for as long as it does. Raises `Retryable`."""
