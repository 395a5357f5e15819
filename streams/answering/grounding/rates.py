"""Rates: a number that is for another period than in the source."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import takewhile

from streams.answering.grounding.clauses import ALIKE, Clause, Said
from streams.answering.text.units import UNITS
from streams.answering.text.words import listed, stem

EACH = listed("per a an each every par chaque")
"""What stands between a number and the period that it is for."""
_PERIODS = {
    word: names.split()[0]
    for names in (
        "second seconds seconde secondes", "minute minutes",
        "hour hourly hours heure heures stunde stundlich",
        "day daily days jour jours tag tage taglich quotidien quotidienne quotidiennement",
        "week weekly weeks semaine semaines hebdomadaire hebdomadairement woche wochen wochentlich",
        "month monthly months mois mensuel mensuelle mensuellement monat monate monatlich",
        "quarter quarterly quarters trimestre trimestriel trimestrielle quartal quartalsweise",
        "year yearly years annual annually annum an ans annee annees annuel annuelle annuellement",
    )
    for word in names.split()
} | dict.fromkeys(("jahr", "jahre", "jahrlich"), "year")  # fmt: skip
_AFTER_NUMBER = 4
_OFTEN = frozenset(
    word for word in _PERIODS if word.endswith(("ly", "ment", "lle", "el", "ire", "nne", "dien", "lich"))
)
_EVERY = listed("per each every par chaque les pro je jeden jede jedes jeder")
_ENDS_RATE = re.compile(r"[,;:|()]")


def misrated(sentence: Clause, source: Said) -> bool:
    """A number is for another period than the source says outright."""
    told = {(number, period) for number, one, at in _rates([sentence]) if (period := _per(one, at))}
    if not told:
        return False
    theirs = _rates(source.sentences)
    rated = {(number, _per(one, at)) for number, one, at in theirs}
    known = {number for number, one, at in theirs if _per_each(one, at)}
    return any(number in known and (number, period) not in rated for number, period in told)


def _rates(sentences: Iterable[Clause]) -> list[tuple[str, Clause, int]]:
    """The numbers in them, and where they stand."""
    return [(word.number, one, at) for one in sentences for at, word in enumerate(one.words) if word.number]


def _per(clause: Clause, at: int) -> str | None:
    """The period that the number at `at` is for each of: `month` for 5 % per month, or 5 % monthly."""
    if period := _per_each(clause, at):
        return period
    after = list(takewhile(lambda word: not _ENDS_RATE.search(word.gap), clause.words[at + 1 : at + 3]))
    told = [word.folded for n, word in enumerate(after) if not n or after[0].folded in UNITS.values()]
    return next((_PERIODS[word] for word in told if word in _OFTEN), None)


def misfrequent(clause: Clause, source: Said) -> bool:
    """What is said nearly so in the source happens at other intervals there."""
    often = _often(clause)
    beside = frozenset(stem(word) for word in often)
    alike = clause.like(source.clauses, ALIKE, beside) if often else []
    periods = {_PERIODS[word] for word in often}
    return bool(alike) and all(
        theirs and not periods & {_PERIODS[word] for word in theirs} for theirs in map(_often, alike)
    )


def _often(clause: Clause) -> frozenset[str]:
    """The words that say how often, daily or every day, where that is no number's rate."""
    if any(word.number for word in clause.words):
        return frozenset()
    pairs = zip(("", *(word.folded for word in clause.words)), clause.words, strict=False)
    return frozenset(
        word.folded
        for before, word in pairs
        if word.folded in _OFTEN or (word.folded in _PERIODS and before in _EVERY)
    )


def _per_each(clause: Clause, at: int) -> str | None:
    """The same, where a word or a stroke says so: 5 % per month, 5 %/month."""
    for place in range(at + 1, min(at + 1 + _AFTER_NUMBER, len(clause.words))):
        word, before = clause.words[place], clause.words[place - 1].folded
        if word.number is not None or _ENDS_RATE.search(word.gap):
            return None
        each = before in EACH or word.gap.rstrip().endswith("/")
        if word.folded in _PERIODS and each:
            return _PERIODS[word.folded]
        # What is counted may be time itself, 25 days per year; English `an` is no year.
        if word.folded in _PERIODS and word.folded not in EACH and place > at + 1:
            return None
    return None
