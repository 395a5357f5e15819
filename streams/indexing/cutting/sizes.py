"""How large the pieces of a text are: a short text is cut finer than a long one."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from math import ceil, log2
from typing import NamedTuple

from streams.indexing.cutting.borders import HASHES, Border

FINER = (Fraction(1), Fraction(5, 7), Fraction(1, 2), Fraction(5, 14))
"""By what the target is multiplied, in ever shorter texts: steps by the square root of two."""
PIECES = 12
"""A text that would give fewer chunks than this is cut finer."""


class Size(NamedTuple):
    """In characters: beyond `limit` a piece is cut, up to `even` near its middle; a cut leaves `least`."""

    limit: int
    even: int
    least: int

    @classmethod
    def of(
        cls, target_chars: int, max_tokens: int, fineness: Fraction = FINER[0], *, scraps: bool = False
    ) -> Size:
        """Of chunks with about so many characters and no more than so many tokens; `scraps`: of any size."""
        target = int(target_chars * fineness)
        limit = target * 3 // 2
        even = min(limit, 4 * max_tokens) * 3 // 2
        return cls(limit, even, 1 if scraps else min(target, max_tokens) * 3 // 8)


@lru_cache(maxsize=64)
def _sizes_of(target_chars: int, max_tokens: int, *, scraps: bool) -> tuple[Size, ...]:
    """Those of each step; the same for every text."""
    return tuple(Size.of(target_chars, max_tokens, fineness, scraps=scraps) for fineness in FINER)


class Sizes:
    """How large the pieces of a text are, by the border at which one would be cut.

    A short text's are smaller, by a number of steps that need not be whole: then the border's hash says
    which way it is rounded. So an edit that makes a text longer has few of its pieces cut anew, not all.
    """

    def __init__(
        self, target_chars: int, max_tokens: int, characters: int | None = None, *, scraps: bool = False
    ) -> None:
        pieces = PIECES if characters is None else max(characters, 1) / target_chars
        self._steps = max(0.0, 2 * log2(PIECES / pieces))
        self._sizes = _sizes_of(target_chars, max_tokens, scraps=scraps)
        self.finest = self._sizes[self._step(1.0)]

    def at(self, border: Border) -> Size:
        """Those for a cut at this border."""
        return self._sizes[self._step(border.strength[-1] / HASHES)] if self._steps else self._sizes[0]

    def _step(self, share: float) -> int:
        return min(len(FINER) - 1, ceil(self._steps + share) - 1) if self._steps else 0
