"""What models write for citation markers, and what such a bracket points at."""

from __future__ import annotations

import re

from streams.answering.grounding.markers import LIST, NAMES
from streams.messages.markers import N

_RANGE = re.compile(rf"[\[【]\s*({N})\s*[-–]\s*({N})\s*[\]】]")  # noqa: RUF001 - models write en dashes
ROUND = re.compile(rf"\(\s*({N}(?:\s*,\s*{N})*)\s*\)")
_BEGUN = re.compile(
    r"[\[【]\s*(?P<name>[a-z]{0,10})(?:[.:]?\s*\#?\s*(?:\d[\d\s,;&andet–-]*(?:†[^][【】\n]*)?)?)",  # noqa: RUF001 - models write en dashes
    re.IGNORECASE,
)
_ROUND_KEPT = re.compile(r"\(\s*\d{1,2}(?:\s*,\s*\d{1,2})*\s*\)$")
_ROUND_BEGUN = re.compile(r"\([\d\s,]*\)?")
NUMBER = re.compile(r"\d+")
LONGEST = 60
"""Characters that a marker has at most."""


def may_go_on(begun: str) -> bool:
    """Whether what begins with a bracket may become a marker."""
    if len(begun) > LONGEST:
        return False
    if begun[0] == "(":
        return _ROUND_BEGUN.fullmatch(begun) is not None
    found = _BEGUN.fullmatch(begun)
    return found is not None and any(name.startswith(found["name"].lower()) for name in NAMES)


def pointing(bracket: str, count: int) -> list[int] | None:
    """What a closed bracket points at, right or wrong, of `count`; None where it is none: a year, say."""
    if spread := _RANGE.fullmatch(bracket):
        first, last = int(spread[1]), int(spread[2])
        return list(range(first, last + 1)) if 1 <= first <= last <= count else None
    listed = LIST.fullmatch(bracket)
    return [int(n) for n in NUMBER.findall(listed["several"])] if listed else None


def rounded(bracket: str) -> list[int]:
    """The numbers of a closed pair of round brackets that may be a marker, each once; empty for any other."""
    found = ROUND.fullmatch(bracket)
    return list(dict.fromkeys(map(int, NUMBER.findall(found[1])))) if found else []


def ends_round(text: str) -> bool:
    """Whether `text` ends in such a pair."""
    return _ROUND_KEPT.search(text[-LONGEST:]) is not None
