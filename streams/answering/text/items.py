"""The items of lists: what stands before each."""

from __future__ import annotations

import re

BEGUN = r"(?:[-*•–>#|]|\d{1,3}[.)][ \t])"  # noqa: RUF001 - dashes that begin a list's item
"""How a line begins, behind blanks, that is an item, a heading or a row: a pattern."""

_MARK = re.compile(r"\s*(?:[-*•>#]+|\d{1,3}[.)])\s+")
_NUMBER = re.compile(r"\s*(?:\d{1,3}|[A-Za-z])\.")


def bare(sentence: str) -> str:
    """`sentence` less the number or bullet that it begins with; what looks like one within it stays."""
    mark = _MARK.match(sentence)
    return sentence[mark.end() if mark else 0 :].strip()


def is_number(text: str) -> bool:
    """Whether `text` is no sentence, but what numbers one: `12.`, `b.`."""
    return _NUMBER.fullmatch(text) is not None
