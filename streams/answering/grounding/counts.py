"""Counts: a number that counts something else than in the source, or what it counts that has another one."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from streams.answering.grounding.clauses import Clause, Said, inflected
from streams.answering.grounding.rates import EACH
from streams.answering.text.quantities import Quantity, same
from streams.answering.text.units import SHORTER

NEAR = 3
"""Words on either side of a number that say what it counts."""

_DIGIT = re.compile(r"\d")
_TIMES = SHORTER.keys() | {unit for _, unit in SHORTER.values()}
_DATE = re.compile(r"[md]\d")


@dataclass(frozen=True, slots=True)
class _Count:
    """A number as it is written and read, and what it counts."""

    written: str
    number: str
    quantity: Quantity
    """What is counted, of what unit; weeks are days, so that two are fourteen of those."""
    unit: str | None
    """The stem of the word right after it, where that says something."""
    following: frozenset[str]
    """The stems of the next two words that say something."""
    company: frozenset[str]
    """The stems of the words around it that say something, or when."""

    def counts_alike(self, other: _Count) -> bool:
        """Whether both count the same: by the word after each, or else by those around them."""
        if self.unit is None or other.unit is None:
            return bool(self.company & other.company)
        return inflected(self.unit, other.unit) or self.unit in other.following


def miscounted(sentence: Clause, source: Said) -> bool:
    """A number counts something else than in the source, or what it counts has another number there."""
    counted = [count for one in source.sentences for count in _counts(one)]
    return any(_wrong(count, counted) for count in dict.fromkeys(_counts(sentence)) if count.company)


def _wrong(count: _Count, counted: Sequence[_Count]) -> bool:
    beside = [one for one in counted if count.counts_alike(one)]
    if count.quantity.unit is not None and any(count.quantity == one.quantity for one in counted):
        return False
    if any(same(count.number, one.number) for one in beside):
        return False
    # A number in words may sum up what the source lists; not where that counts the same itself.
    return bool(_DIGIT.search(count.written)) or any(count.unit == one.unit for one in beside)


def _counts(clause: Clause) -> Iterator[_Count]:
    words = clause.words
    says = [at for at, word in enumerate(words) if word.says]
    tells = [at for at, word in enumerate(words) if word.says or _DATE.match(word.folded)]
    for at, word in enumerate(words):
        if word.number is None:
            continue
        after = words[at + 1] if at + 1 < len(words) else None
        told, then, following = bisect_left(tells, at), bisect_right(tells, at), bisect_right(says, at)
        around = tells[max(0, told - NEAR) : told] + tells[then : then + NEAR]
        yield _Count(
            word.folded,
            word.number,
            Quantity(word.number, after.folded if after and after.folded in _TIMES else None).shorter,
            after.stem if after and after.says and after.folded not in EACH else None,
            frozenset(words[place].stem for place in says[following : following + 2]),
            frozenset(words[place].stem for place in around),
        )
