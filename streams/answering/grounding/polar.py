"""Polar questions: whether sources agree with an answer that is a mere yes or no."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from itertools import dropwhile, takewhile

from streams.answering.grounding.clauses import ALIKE, SAME, Clause, clause_of, clauses_of, inflected
from streams.answering.text.quantities import canonical
from streams.answering.text.sentences import sentences
from streams.answering.text.words import listed

_LACKS = listed("no without aucun aucune sans")
"""Words that deny what they stand before, and no more."""
_NO_MORE = listed("longer more plus")


def answered(sentence: str, question: str, sources: Sequence[str]) -> bool:
    """Whether `sources` agree with a sentence that only says that what the question asks is so, or is not.

    What they say of it is in their sentences that share most with it, and of those in the clauses that are
    about it. Where none does, nothing speaks against the sentence.
    """
    asked, own = clause_of(canonical(question)), clause_of(canonical(sentence))
    told = [one for text in sources for one in map(canonical, sentences(text))]
    shared = [(len(asked.stems & stems), one) for one in told if (stems := clause_of(one).stems)]
    alike = [
        (n, one) for n, one in shared if n and n >= ALIKE * min(len(asked.stems), len(clause_of(one).stems))
    ]
    most = max((n for n, _ in alike), default=0)
    best = [_about(asked.stems, one) for n, one in alike if n == most]
    so = own.negated == asked.negated
    return not best or any(so != any(_denies(one, asked.stems) for one in clauses) for clauses in best)


def _about(asked: AbstractSet[str], sentence: str) -> list[Clause]:
    """The clauses of a sentence that are about what is `asked`: one alone, or those that have a part in it.

    A clause without a word of its own goes with the others.
    """
    clauses = clauses_of(sentence)
    alone = [one for one in clauses if len(one.stems & asked) >= SAME * len(asked)]
    return (alone or [one for one in clauses if one.stems & asked]) + [
        one for one in clauses if not one.stems
    ]


def _denies(clause: Clause, asked: AbstractSet[str]) -> bool:
    """Whether it denies what is `asked`, some stems: `without a fee` does where a fee is asked for."""
    return sum(_reaches(clause, at, asked) for at in clause.denials) % 2 == 1


def _reaches(clause: Clause, at: int, asked: AbstractSet[str]) -> bool:
    after = clause.words[at + 1 :]
    if clause.words[at].folded not in _LACKS or (after and after[0].folded in _NO_MORE):
        return True
    phrase = takewhile(lambda word: word.says, dropwhile(lambda word: not word.says, after))
    lacking = {word.stem for word in phrase}
    return not lacking or any(inflected(one, other) for one in lacking for other in asked)
