"""The vectors that an attempt at a document had when it failed, for the next attempt."""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING
from uuid import UUID

from streams.indexing.batching.remember import OVERHEAD_BYTES

if TYPE_CHECKING:
    from streams.messages.held import Vector
    from streams.messages.records import Offset

MOST_BYTES = 64 * 1024 * 1024
MOST_DOCUMENTS = 10_000


@dataclass(frozen=True, slots=True)
class Attempted:
    """What attempts at a document left: `vectors`, by the hash of what was embedded.

    `since`: when the first one began, by the clock of whoever attempts it. `lacking`: texts without a vector
    after the one that came furthest of those at the change `at`, where that is known.
    """

    since: float
    lacking: int | None = None
    vectors: Mapping[str, Vector] = field(default_factory=dict)
    at: Offset | None = None


class Left:
    """What attempts left, by generation and document, in `most_bytes` for all of them together.

    Of what does not fit, the vectors of the document that was attempted the longest ago go. Vectors have the
    precision of the stores: 32-bit floats.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes, self.bytes = most_bytes, 0
        self._left: OrderedDict[tuple[str, UUID], Attempted] = OrderedDict()

    def take(self, generation: str, key: UUID) -> Attempted | None:
        """What was left of the document, which is not here any more."""
        attempted = self._left.pop((generation, key), None)
        if attempted is not None:
            self.bytes -= _size(attempted.vectors)
        return attempted

    def put(self, generation: str, key: UUID, attempted: Attempted) -> None:
        """Leaves this in place of what is here of the document."""
        self.take(generation, key)
        packed: dict[str, Vector] = {}
        room = self._most_bytes
        for digest, vector in attempted.vectors.items():
            room -= OVERHEAD_BYTES + 4 * len(vector)
            if room < 0:
                break
            packed[digest] = array("f", vector)
        self._left[generation, key] = replace(attempted, vectors=packed)
        self.bytes += _size(packed)
        self._make_room()

    def forget(self, key: UUID) -> None:
        """Drops what was left of the document in any generation: it is given up."""
        for generation, one in list(self._left):
            if one == key:
                self.take(generation, key)

    def _make_room(self) -> None:
        while len(self._left) > MOST_DOCUMENTS:
            self.take(*next(iter(self._left)))
        for name in list(islice(self._left, len(self._left) - 1)):
            if self.bytes <= self._most_bytes:
                return
            left = self._left[name]
            self.bytes -= _size(left.vectors)
            self._left[name] = replace(left, vectors={})


def _size(vectors: Mapping[str, Vector]) -> int:
    return sum(OVERHEAD_BYTES + 4 * len(vector) for vector in vectors.values())
