"""Counts: a number that counts something else than in the source, or what it counts that has another one."""

from __future__ import annotations

import re
from collections.abc import Iterable

from streams.answering.grounding.clauses import Clause, Said, inflected
from streams.answering.grounding.rates import EACH
from streams.answering.text.quantities import Quantity, same
from streams.answering.text.units import SHORTER

NEAR = 3
"""Words on either side of a number that say what it counts."""

_DIGIT = re.compile(r"\d")
_TIMES = SHORTER.keys() | {unit for _, unit in SHORTER.values()}
_DATE = re.compile(r"[md]\d")


def miscounted(sentence: Clause, source: Said) -> bool:
    """A number counts something else than in the source, or what it counts has another number there."""
    counted = [
        (one, at) for one in source.sentences for at, word in enumerate(one.words) if word.number is not None
    ]
    for at, word in enumerate(sentence.words):
        if word.number is None or not _company(sentence, at):
            continue
        beside = [(one, place) for one, place in counted if _counts_alike(sentence, at, one, place)]
        if _measured(sentence, at, counted) or any(
            same(word.number, one.words[place].number or "") for one, place in beside
        ):
            continue
        # A number in words may sum up what the source lists; not where that counts the same itself.
        if _DIGIT.search(word.folded) or any(
            _unit(sentence, at) == _unit(one, place) for one, place in beside
        ):
            return True
    return False


def _counts_alike(one: Clause, at: int, other: Clause, place: int) -> bool:
    """Whether two numbers count the same: by the word after each, or else by those around them."""
    mine, theirs = _unit(one, at), _unit(other, place)
    if mine is None or theirs is None:
        return bool(_company(one, at) & _company(other, place))
    return inflected(mine, theirs) or mine in _following(other, place)


def _measured(clause: Clause, at: int, counted: Iterable[tuple[Clause, int]]) -> bool:
    """Whether a time of that length is among what is `counted`, be it in another unit."""
    own = _quantity(clause, at)
    return own.unit is not None and any(own == _quantity(one, place) for one, place in counted)


def _quantity(clause: Clause, at: int) -> Quantity:
    """What is counted at `at`, of what unit; weeks are days, so that two are fourteen of those."""
    after = clause.words[at + 1].folded if at + 1 < len(clause.words) else ""
    return Quantity(clause.words[at].number or "", after if after in _TIMES else None).shorter


def _unit(clause: Clause, at: int) -> str | None:
    """The stem of the word right after the one at `at`, where that says something."""
    after = clause.words[at + 1 : at + 2]
    return after[0].stem if after and after[0].says and after[0].folded not in EACH else None


def _following(clause: Clause, at: int) -> frozenset[str]:
    """The stems of the next two words that say something."""
    return frozenset([word.stem for word in clause.words[at + 1 :] if word.says][:2])


def _company(clause: Clause, at: int) -> frozenset[str]:
    """The stems of the words around the one at `at` that say something, or when."""
    before = [word.stem for word in clause.words[:at] if word.says or _DATE.match(word.folded)][-NEAR:]
    after = [word.stem for word in clause.words[at + 1 :] if word.says or _DATE.match(word.folded)][:NEAR]
    return frozenset(before + after)
