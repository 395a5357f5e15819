"""Strength: `must` of what the source only allows, `all` of what it says of some."""

from __future__ import annotations

from streams.answering.grounding.clauses import ALIKE, Clause, Said
from streams.answering.text.words import listed, stem

_MUST = listed("must shall mandatory compulsory doit doivent faut obligatoire obligatoires muss mussen")
_NEED = _MUST | listed(
    "need needs needed required requires require has have only exige exiges requis notwendig erforderlich"
)
_MAY = listed(
    "may can could might optional peut peuvent pouvez facultatif kann konnen konnte darf durfen freiwillig"
)
_ALL = listed("all every everyone everybody each tous toutes chaque alle allen jeder jede jedes")
_SOME = listed("some few several certain certains certaines quelques plusieurs einige manche wenige mehrere")
_EACH = _ALL | listed("anyone anybody everybody tout quiconque jedermann")
_ALONE = listed("only solely exclusively nur allein lediglich ausschliesslich") | listed(
    "seul seule seuls seules seulement uniquement exclusivement"
)
_ALONE_STEMS = frozenset(map(stem, _ALONE))
_WEAKER = ((_MUST, _NEED, _MAY), (_ALL, _ALL, _SOME))


def overstated(clause: Clause, source: Said) -> bool:
    """Whether all that says nearly the same in the source says it more weakly."""
    alike = source.like(clause, ALIKE)
    return bool(alike) and (_unrestricted(clause, alike) or _stronger(clause, alike))


def _stronger(clause: Clause, alike: list[Clause]) -> bool:
    return not clause.negated and any(
        _has(clause, strong) and all(_has(one, weak) and not _has(one, enough) for one in alike)
        for strong, enough, weak in _WEAKER
    )


def _unrestricted(clause: Clause, alike: list[Clause]) -> bool:
    """Whether all may do what the source lets some alone do: `only admins`, `nur`, `seuls`."""
    return (
        _has(clause, _EACH)
        and not _has(clause, _ALONE)
        and all(_has(one, _ALONE) and not _has(one, _EACH) and _names(one, clause) for one in alike)
    )


def _names(source: Clause, clause: Clause) -> bool:
    """Whether the source says something, or of somebody, that the clause does not: those who may."""
    return bool(source.stems - clause.stems - _ALONE_STEMS)


def _has(clause: Clause, words: frozenset[str]) -> bool:
    return any(word.folded in words for word in clause.words)
