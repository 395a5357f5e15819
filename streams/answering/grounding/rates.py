"""Rates: a number that is for another period than in the source."""

from __future__ import annotations

import re

from streams.answering.grounding.clauses import Clause, Said
from streams.answering.text.words import listed

EACH = listed("per a an each every par chaque")
"""What stands between a number and the period that it is for."""
_PERIODS = {
    word: names.split()[0]
    for names in (
        "second seconds seconde secondes", "minute minutes", "hour hourly hours heure heures",
        "day daily days jour jours", "week weekly weeks semaine semaines hebdomadaire",
        "month monthly months mois mensuel mensuelle", "quarter quarterly quarters trimestre trimestriel",
        "year yearly years annual annually annum an ans annee annees annuel annuelle",
    )
    for word in names.split()
}  # fmt: skip
_AFTER_NUMBER = 4
_ADVERBS = ("ly", "uel", "uelle", "daire", "triel")
_ENDS_RATE = re.compile(r"[,;:|()]")


def misrated(sentence: Clause, source: Said) -> bool:
    """A number is for another period than the source says outright."""
    rated = {(word.number, _per(one, at)) for one in source.sentences for at, word in enumerate(one.words)}
    own = {(word.number, _per(sentence, at)) for at, word in enumerate(sentence.words)}
    known = {
        word.number for one in source.sentences for at, word in enumerate(one.words) if _per_each(one, at)
    }
    return any(
        number in known and (number, period) not in rated for number, period in own if number and period
    )


def _per(clause: Clause, at: int) -> str | None:
    """The period that the number at `at` is for each of: `month` for 5 % per month, or 5 % monthly."""
    if period := _per_each(clause, at):
        return period
    after = [word.folded for word in clause.words[at + 1 : at + 2] if not _ENDS_RATE.search(word.gap)]
    return next((_PERIODS[word] for word in after if word in _PERIODS and word.endswith(_ADVERBS)), None)


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
