"""What a sentence gets wrong though nearly all of its words are in what it cites.

A share of words that are the same can't tell a changed number from the right one, a denial from what it
denies, or who did something from whom it was done to. These rules look at the words' company instead: each
speaks up only where the source says nearly the same thing, and otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence

from streams.answering.grounding.clauses import Said, said
from streams.answering.grounding.counts import miscounted
from streams.answering.grounding.denials import denied, denied_in_part, misrestricted, opposed, restricts
from streams.answering.grounding.names import has_names, misnamed, swapped
from streams.answering.grounding.rates import misfrequent, misrated
from streams.answering.grounding.shares import misplaced
from streams.answering.grounding.strength import overstated


def contradicted(sentence: str, sources: Sequence[str]) -> bool:
    """Whether `sentence` says something else than `sources`, which hold its words."""
    return contradicts(said(sources), sentence)


def contradicts(source: Said, sentence: str) -> bool:
    """The same, of what was read before."""
    own = said([sentence])
    return (
        any(wrong(one, source) for one in own.sentences for wrong in (miscounted, misrated, misplaced))
        or any(wrong(one, source) for one in own.clauses for wrong in (opposed, misfrequent, overstated))
        or _wrongly_denied(own, source)
        or (has_names(source) and _wrong_names(own, source))
    )


def _wrongly_denied(own: Said, source: Said) -> bool:
    if limits := restricts(own, source):
        return any(misrestricted(one, alike) for one, alike in limits)
    return denied_in_part(own, source) or any(denied(one, own, source) for one in own.clauses)


def _wrong_names(own: Said, source: Said) -> bool:
    return any(misnamed(one, source) for one in own.sentences) or any(
        swapped(one, source) for one in own.clauses
    )
