"""What the source says, denied; what it denies, said; and its opposite."""

from __future__ import annotations

from streams.answering.grounding.clauses import ALIKE, ENOUGH, Clause, Said
from streams.answering.grounding.opposites import contrary, opposable
from streams.answering.text.words import listed, stem

_ONLY = listed("only solely exclusively nur ausschliesslich lediglich seulement uniquement exclusivement")
_EXCEPT = listed("except unless excepting ausser sauf excepte hormis")
"""Words that deny what they stand before, where something else is denied."""
_MORE = listed("exceed exceeds exceeded over above more larger greater longer higher mehr plus") | listed(
    "depasse depassent depasser uber uberschreiten uberschreitet ubersteigen ubersteigt grosser langer hoher"
)
_AT_MOST = listed("below under most maximum maximal max up less within jusqu maximale moins") | listed(
    "hochstens unter bis unterhalb weniger inferieur inferieure"
)
_LESS = listed("below under less fewer unter weniger unterschreiten unterschreitet moins")
_AT_LEAST = listed("above least minimum over more mindestens minimal uber mehr minimale plus")
_LONGER, _THAN = listed("longer langer"), listed("than als")
_BOUNDS = ((_MORE, _AT_MOST), (_LESS, _AT_LEAST))
"""What is denied to set a bound, and what sets it outright: `not exceed` and `below`."""

_MOST = 8


def denied_in_part(own: Said, source: Said) -> bool:
    """Of what is joined in the sentence, something that says enough to be told apart is denied."""
    if len(own.parts) == len(own.clauses):
        return False
    alike = [(part, part.like(source.parts, ALIKE)) for part in own.parts if len(part.stems) >= ENOUGH]
    return any(found and all(_turned(part, one) for one in found) for part, found in alike)


def denied(clause: Clause, own: Said, source: Said) -> bool:
    """Wherever the source says nearly the same, it denies it, or the clause, one of its `own` text, does."""
    alike = source.like(clause, ALIKE)
    return bool(alike) and all(
        _turned(clause, one) and not _beside(clause, own, one, source) for one in alike
    )


def _beside(clause: Clause, own: Said, other: Clause, source: Said) -> bool:
    """Whether the denial of what one says in one clause stands in two of the other: `In May, we do not`.

    It is in the second one, then, which says what the first does not.
    """
    if other.negated:
        return _denies_rest(own.beside(clause), other, clause)
    return _denies_rest(source.beside(other), clause, other)


def _denies_rest(clauses: list[Clause], whole: Clause, part: Clause) -> bool:
    """Whether one of these denies what `whole` says beyond `part`, and nothing else."""
    rest = whole.stems - part.stems
    return any(one.negated and one.stems & rest and one.stems <= whole.stems for one in clauses)


def _turned(clause: Clause, other: Clause) -> bool:
    """Whether one denies what the other says, and does not say it by a word's opposite."""
    return clause.negated != other.negated and not contrary(clause, other) and not _bound(clause, other)


def _bound(clause: Clause, other: Clause) -> bool:
    """Whether one says `not more than` of what the other says `at most` of, or `not less` and `at least`."""
    denying, saying = sorted((clause, other), key=lambda one: not one.negated)
    denies, says = _measures(denying), {word.folded for word in saying.words}
    return any(denies & beyond and says & bound for beyond, bound in _BOUNDS)


def _measures(clause: Clause) -> set[str]:
    """Its words, but not those that are part of a denial: French `plus`, `longer` without `than`."""
    words = [word.folded for word in clause.words]
    following = [*words[1:], ""]
    return {
        word
        for at, word in enumerate(words)
        if at not in clause.denials and (word not in _LONGER or following[at] in _THAN)
    }


def opposed(clause: Clause, source: Said) -> bool:
    """A word stands where the source, in all that says nearly the same, has its opposite."""
    alike = source.like(clause, ALIKE) or _alike_beside(clause, source)
    return bool(alike) and all(clause.negated == one.negated and contrary(clause, one) for one in alike)


def _alike_beside(clause: Clause, source: Said) -> list[Clause]:
    """What says nearly the same but for opposites; where little else is said, nothing but that."""
    beside = frozenset(map(stem, opposable(clause, source)))
    if len(clause.stems - beside) >= ENOUGH:
        return clause.like(source.clauses, ALIKE, beside)
    return [one for one in clause.like(source.clauses, 1, beside) if len(one.stems) <= len(clause.stems)]


def restricts(own: Said, source: Said) -> list[tuple[Clause, list[Clause]]]:
    """The sentences that allow something in one case alone, with those of the source that do for the same.

    `Only with a receipt` and `not without a receipt` are the same: clauses say nothing of them.
    """
    mine, theirs = ([one for one in said.sentences if _limits(one)] for said in (own, source))
    alike = [(one, [other for other in one.like(theirs, ALIKE) if other.like([one], ALIKE)]) for one in mine]
    return [(one, others) for one, others in alike if others]


def misrestricted(one: Clause, alike: list[Clause]) -> bool:
    """Whether all of these say so of the contrary case."""
    return all(_denials(one) % 2 != _denials(other) % 2 for other in alike)


def _limits(sentence: Clause) -> bool:
    """Whether it seems to allow something in one case alone; what says more may do so of anything in it."""
    if len(sentence.stems) > _MOST:
        return False
    said = {word.folded for word in sentence.words}
    return (
        bool(said & (_ONLY | _EXCEPT))
        or ("que" in said and bool(said & {"ne", "n"}))
        or len(sentence.denials) > 1
    )


def _denials(sentence: Clause) -> int:
    return len(sentence.denials) + sum(word.folded in _EXCEPT for word in sentence.words)
