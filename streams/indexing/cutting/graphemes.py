"""Where a character that a reader sees as one would be torn apart."""

from __future__ import annotations

import unicodedata

JOINER = "\u200d"
LONGEST = 64
"""Characters of a grapheme beyond which it is cut all the same."""


def whole_before(text: str, at: int, start: int) -> int:
    """The last place in (start, at] that is not inside a grapheme; `at` where there is none near.

    A grapheme must begin at `start`.
    """
    for place in range(at, max(start, at - LONGEST), -1):
        if not _joined(text, place, start):
            return place
    return at


def _joined(text: str, at: int, start: int) -> bool:
    """Whether the characters on both sides of `at` belong together (the common rules of Unicode's UAX 29)."""
    before, after = text[at - 1], text[at]
    if JOINER in {before, after} or unicodedata.category(after) in {"Mn", "Me", "Mc"}:
        return True
    if "\U0001f3fb" <= after <= "\U0001f3ff":  # a skin tone
        return True
    return _regional(before) and _regional(after) and _regionals_before(text, at, start) % 2 == 1


def _regional(char: str) -> bool:
    return "\U0001f1e6" <= char <= "\U0001f1ff"


def _regionals_before(text: str, at: int, start: int) -> int:
    """How many flag letters stand right before `at`, from `start` on: two and two make a flag."""
    first = at
    while first > start and _regional(text[first - 1]):
        first -= 1
    return at - first
