"""Vocabularies: what of two texts can be compared, be it in other inflections or another notation."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from streams.answering.grounding.clauses import KEPT
from streams.answering.grounding.rates import EACH
from streams.answering.text.quantities import Quantity, canonical, held, quantities, unmeasured
from streams.answering.text.sentences import sentences
from streams.answering.text.words import GERMAN, content_words, counted, stem

_LITTLE = frozenset(map(stem, GERMAN | EACH))


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The stems of a text's words, and its numbers."""

    stems: frozenset[str]
    numbers: frozenset[Quantity]

    def __bool__(self) -> bool:
        """Whether anything is said."""
        return bool(self.stems or self.numbers)

    def __len__(self) -> int:
        """How many there are."""
        return len(self.stems) + len(self.numbers)

    def __or__(self, other: Vocabulary) -> Vocabulary:
        """That of both texts."""
        return Vocabulary(self.stems | other.stems, self.numbers | other.numbers)

    def beyond(self, other: Vocabulary) -> Vocabulary:
        """What is in this one alone; all of it where nothing is."""
        return Vocabulary(self.stems - other.stems, self.numbers - other.numbers) or self

    def within(self, other: Vocabulary) -> Vocabulary:
        """What the other one holds of this."""
        there = frozenset(one for one in self.numbers if held(one, other.numbers))
        return Vocabulary(self.stems & other.stems, there)


NOTHING = Vocabulary(frozenset(), frozenset())


@lru_cache(KEPT)
def of_text(text: str) -> Vocabulary:
    """That of a sentence."""
    plain = canonical(text)
    return Vocabulary(_telling(unmeasured(plain)), quantities(plain))


def _telling(text: str) -> frozenset[str]:
    """The stems of what is said, German's little words, and those before a period, left out, too."""
    return frozenset(map(stem, content_words(text))) - _LITTLE


@lru_cache(KEPT)
def of_passage(text: str) -> Vocabulary:
    """That of a source: its numbers sentence by sentence; what it counts in words may be said in digits."""
    plain = list(map(canonical, sentences(text)))
    read = frozenset().union(*map(quantities, plain), map(Quantity, counted(text)))
    return Vocabulary(_telling(text) | _telling(" ".join(plain)), read)
