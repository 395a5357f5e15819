"""The vectors of a document's texts, over all attempts to apply a change of it."""

from __future__ import annotations

import logging
from array import array
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from streams.errors import Rejected, Retryable
from streams.indexing.batching.left import Attempted, Left
from streams.indexing.batching.portions import Blame, Portions
from streams.messages.held import Vector
from streams.messages.records import Offset
from streams.ports import Embedder, Monotonic

logger = logging.getLogger(__name__)

SAY_EVERY_S = 60.0
LARGE = 256
"""Where more texts than this are embedded, their vectors wait as 32-bit floats, in an eighth of the room."""


class Progress(NamedTuple):
    """How far a document is: `embedded` of `texts`, `seconds` after its first attempt began."""

    seconds: float
    embedded: int
    texts: int

    @property
    def lacking(self) -> int:
        """Texts that have no vector yet, as far as it is known."""
        return self.texts - self.embedded


@dataclass(slots=True, eq=False)
class InHand:
    """A document in an attempt: the vectors that there are, by content hash, and which of them were made.

    `at`: the change that is applied. `attempted`: what there was from the attempts before, None in the first
    one. `texts`: how many of the document have to be embedded, as far as it is known. `least`: of those
    without a vector, how many there were at the end of the attempt at this change that came furthest, or at
    the beginning of the first one.
    """

    key: UUID
    at: Offset
    since: float
    attempted: Attempted | None
    least: int | None = None
    vectors: dict[str, Vector] = field(default_factory=dict)
    embedded: set[str] = field(default_factory=set)
    texts: int = 0
    said: float = 0.0

    def expects(self, lacking: int) -> None:
        """So many texts have no vector now, and are to be embedded."""
        self.texts = len(self.embedded) + lacking
        self.least = lacking if self.least is None else self.least

    @property
    def progressed(self) -> bool:
        """Whether fewer texts lack a vector than after any attempt before.

        Not whether there are more vectors: those that were left may have made room for others.
        """
        return self.least is not None and 0 < self.texts < len(self.embedded) + self.least


class Embedding:
    """Embeds what documents need; what an attempt that fails has is `left` to the next one.

    `generation` is what the vectors belong to. A document whose attempt failed is embedded carefully in the
    next: see `portions`.
    """

    def __init__(self, embedder: Embedder, left: Left, generation: str, monotonic: Monotonic) -> None:
        self._embedder, self._left, self._generation = embedder, left, generation
        self._monotonic = monotonic
        self._in_hand: set[InHand] = set()

    @property
    def underway(self) -> Sequence[Progress]:
        """The documents that are applied now."""
        now = self._monotonic()
        return [Progress(now - one.since, len(one.embedded), one.texts) for one in self._in_hand]

    @contextmanager
    def attempt(self, key: UUID, at: Offset) -> Iterator[InHand]:
        """To be entered for an attempt at the change: gives what is known of the document's vectors.

        A `Retryable` says on its way out whether the attempt came further than those before (`progress`).
        """
        hand = self._begin(key, at)
        self._in_hand.add(hand)
        try:
            yield hand
        except Rejected:
            raise
        except Retryable as error:
            self._leave(hand)
            if error.progress or not hand.progressed:
                raise
            raise Retryable(
                str(error), code=error.code, retry_after=error.retry_after, progress=True
            ) from error
        except BaseException:
            self._leave(hand)
            raise
        finally:
            self._in_hand.discard(hand)

    async def embed(self, hand: InHand, texts: Mapping[str, str], blame: Blame) -> None:
        """Sees to it that `hand` has the vectors of `texts`, each by its content hash; see `portions`."""
        if not texts:
            return
        if len(hand.embedded) + len(texts) > hand.texts:
            hand.expects(len(texts))

        def came(keys: Sequence[str]) -> None:
            hand.embedded.update(keys)
            if hand.texts > LARGE:
                hand.vectors.update({key: array("f", hand.vectors[key]) for key in keys})
            self._say(hand)

        portions = Portions(self._embedder, came, blame)
        await portions(texts, hand.vectors, carefully=hand.attempted is not None)

    def _begin(self, key: UUID, at: Offset) -> InHand:
        now = self._monotonic()
        attempted = self._left.take(self._generation, key)
        if attempted is None:
            return InHand(key, at, now, None, said=now)
        vectors = dict(attempted.vectors)
        least = attempted.lacking if attempted.at == at else None
        return InHand(key, at, attempted.since, attempted, least, vectors, set(vectors), said=now)

    def _leave(self, hand: InHand) -> None:
        vectors = {digest: hand.vectors[digest] for digest in hand.embedded}
        lacking = hand.texts - len(hand.embedded) if hand.progressed else hand.least
        self._left.put(self._generation, hand.key, Attempted(hand.since, lacking, vectors, hand.at))

    def _say(self, hand: InHand) -> None:
        now = self._monotonic()
        if now - hand.said >= SAY_EVERY_S:
            hand.said = now
            logger.info(
                "the document %s is being embedded for %.0f s: %d of its %d texts are",
                hand.key, now - hand.since, len(hand.embedded), hand.texts,
            )  # fmt: skip
