"""Shares: of several numbers, `20 % in France and 19 % in Germany`, each belongs to the words beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from streams.answering.grounding.clauses import SAME, Clause, Said, Word
from streams.answering.text.quantities import same
from streams.answering.text.units import UNITS
from streams.answering.text.words import listed

_JOINS = listed("and or et ou und oder while whereas")
_DIVIDES = frozenset(",;:()")
_DIGIT = re.compile(r"\d")
_YEAR = re.compile(r"(?:19|20)\d\d")
_UNITS = frozenset(UNITS.values())


@dataclass(frozen=True, slots=True)
class Share:
    """A number, its unit, and the stems of the words that it belongs to."""

    number: str
    unit: str
    own: frozenset[str]
    """The stems of its part of the sentence alone."""
    stems: frozenset[str]


def misplaced(sentence: Clause, source: Said) -> bool:
    """Whether a number is said of what the source says another one of, and of other words that one."""
    if not (mine := list(_shares(sentence))):
        return False
    theirs = [share for one in source.sentences for share in _shares(one)]
    return any(_elsewhere(share, theirs) for share in mine)


def _elsewhere(mine: Share, theirs: list[Share]) -> bool:
    # What is said of every part of a list tells nothing of where a number belongs, in whatever order.
    rivals = [
        one
        for one in theirs
        if one.unit == mine.unit and (mine.own & one.own or same(mine.number, one.number))
    ]
    fits = [(len(mine.stems & one.stems), same(mine.number, one.number)) for one in rivals]
    right = max((n for n, equal in fits if equal), default=0)
    wrong = max((n for n, equal in fits if not equal), default=0)
    told = frozenset[str]().union(*(one.stems for one in rivals))
    needed = SAME * len(mine.stems & told)
    return any(equal for _, equal in fits) and wrong > right and wrong >= needed


def _shares(sentence: Clause) -> Iterator[Share]:
    """The numbers that stand alone in a part; what is said before the first goes for all."""
    if not _numbers(sentence.words):
        return
    parts = _parts(sentence)
    first = next((part for part in parts if _numbers(part)), [])
    lead = _stems(first[: _numbers(first)[0]]) if first else frozenset()
    for part in parts:
        if len(at := _numbers(part)) == 1 and (unit := _unit(part, at[0])):
            own = _stems(part)
            yield Share(part[at[0]].folded, unit, own, own | lead)


def _stems(part: list[Word]) -> frozenset[str]:
    return frozenset(word.stem for word in part if word.says and word.folded not in _UNITS)


def _unit(part: list[Word], at: int) -> str:
    """What stands behind a number, or that it is a year; empty for others, be they of a name or a list."""
    after = part[at + 1].folded if at + 1 < len(part) else ""
    return after if after in _UNITS else "year" if _YEAR.fullmatch(part[at].folded) else ""


def _numbers(part: Sequence[Word]) -> list[int]:
    return [at for at, word in enumerate(part) if word.number is not None and _DIGIT.search(word.folded)]


def _parts(sentence: Clause) -> list[list[Word]]:
    parts = list[list[Word]]([[]])
    for word in sentence.words:
        if word.folded in _JOINS or _DIVIDES & set(word.gap):
            parts.append([])
        parts[-1].append(word)
    return parts
