"""What the source says, denied; what it denies, said; and its opposite."""

from __future__ import annotations

from streams.answering.grounding.clauses import ALIKE, ENOUGH, Clause, Said
from streams.answering.text.words import stem

_PAIRS = tuple(
    (one, other)
    for pair in (
        "before after", "more less", "more fewer", "most least", "maximum minimum", "enabled disabled",
        "enable disable", "enables disables", "allowed denied", "always never", "free pay", "free paid",
        "free pays", "gratuit payant", "gratuite payante",
        "increases decreases", "increase decrease", "above below", "first last", "oldest newest",
        "lower higher", "lowest highest", "smaller larger", "starts stops", "required optional",
        "avant apres", "plus moins", "premier dernier", "premiere derniere",
        "augmente diminue", "obligatoire facultatif", "inferieur superieur",
    )
    for one, other in (pair.split(), pair.split()[::-1])
)  # fmt: skip
_OPPOSITES = {one: frozenset(other for first, other in _PAIRS if first == one) for one, _ in _PAIRS}


def denied_in_part(own: Said, source: Said) -> bool:
    """Of what is joined in the sentence, something that says enough to be told apart is denied."""
    if len(own.parts) == len(own.clauses):
        return False
    alike = [(part, part.like(source.parts, ALIKE)) for part in own.parts if len(part.stems) >= ENOUGH]
    return any(found and all(one.negated != part.negated for one in found) for part, found in alike)


def denied(clause: Clause, source: Said) -> bool:
    """Wherever the source says nearly the same, it denies it, or the clause does."""
    alike = source.like(clause, ALIKE)
    return bool(alike) and all(one.negated != clause.negated for one in alike)


def opposed(clause: Clause, source: Said) -> bool:
    """A word stands where the source, in all that says nearly the same, has its opposite."""
    own = _opposable(clause)
    beside = frozenset(map(stem, own))
    enough = len(clause.stems - beside) >= ENOUGH
    alike = source.like(clause, ALIKE) or (clause.like(source.clauses, ALIKE, beside) if enough else [])
    return bool(alike) and any(
        all(word not in _opposable(one) and _OPPOSITES[word] & _opposable(one) for one in alike)
        for word in own
    )


def _opposable(clause: Clause) -> frozenset[str]:
    """Its words that have an opposite."""
    return frozenset(word.folded for word in clause.words if word.folded in _OPPOSITES)
