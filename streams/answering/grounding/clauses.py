"""Clauses: what a text says, in pieces that can be compared with those of another.

Words are compared by their stems; those that say how many, whether, or that something is so are kept apart
from those that say what about.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import lru_cache

from streams.answering.text.language import language_of
from streams.answering.text.quantities import canonical
from streams.answering.text.sentences import sentences
from streams.answering.text.words import COUNTED, GERMAN, folded, is_content, listed, stem

ALIKE = 0.6
"""Share of a clause's content words from which a clause of the source says nearly the same."""
SAME = 0.8
"""The same, where more hangs on it: the order of names, what a question asks."""
KEPT = 128
"""Texts whose reading is kept: a passage is compared with every sentence that cites it."""
_WORDS_KEPT = 8192
ENOUGH = 2
"""Stems that tell what is said apart from other things."""

_BREAK = re.compile(
    r"[,;:()–—]|\s(?:but|because|since|so|while|whereas|mais|car|donc|alors que|tandis que)\s"  # noqa: RUF001 - dashes between clauses
)
_AND = re.compile(r"\s(?:and|or|et|ou)\s", re.IGNORECASE)
_WORD = re.compile(r"[^\W_]+(?:['’]t\b)?")  # noqa: RUF001 - typographic apostrophe
_DIGIT = re.compile(r"\d")
_NOT = listed("""
not no never neither nor cannot without none nothing nobody hardly
excluded forbidden prohibited impossible impossibles ineligible unavailable non exclu exclue exclus exclues
interdit interdite interdits interdites
pas jamais guere aucun aucune sans rien personne ni nullement
nicht kein keine keinen keinem keiner keines keinerlei nie niemals niemand nichts nirgends ohne weder
verboten untersagt ausgeschlossen
""")
_ONLY = listed("only just merely solely nur allein seulement uniquement")
_NE, _QUE = listed("ne n"), listed("que qu")
_SO = listed("""
yes allowed permitted possible cover covers covered include includes included available accepted eligible
oui autorise autorisee possible possibles couvre couvert couverte comprend compris inclus accepte
ja erlaubt gestattet moglich zulassig inbegriffen enthalten
""")
"""Words that only say that something is so, which a denial is compared without."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word as it is written and as it is compared, of what kind it is, and whether it comes first."""

    written: str
    folded: str
    first: bool
    gap: str
    """What stands between the word before and this one."""
    content: bool
    """Whether it carries meaning."""
    stem: str
    """By which its inflections are alike."""
    number: str | None
    """The number that it is, in digits; None for any other word."""
    denies: bool
    """Whether it turns what is said into its contrary."""
    says: bool
    """Whether it says what about, rather than how many of it or whether."""

    @property
    def name(self) -> bool:
        """Whether it is written as names are; how a sentence begins says nothing."""
        return self.written[:1].isupper() and len(self.written) > 1 and self.content and not self.first


@lru_cache(_WORDS_KEPT)
def _kind(word: str) -> tuple[bool, str, str | None, bool, bool]:
    """Of a folded word, what a `Word` has from `content` on."""
    content = is_content(word) and word not in GERMAN
    number = word if _DIGIT.search(word) else COUNTED.get(word)
    denies = word in _NOT or word.endswith(("n't", "n’t"))  # noqa: RUF001 - typographic apostrophe
    says = content and number is None and not denies and word not in _SO
    return content, stem(word), number, denies, says


@dataclass(frozen=True, slots=True)
class Clause:
    """The words of a clause, or of a whole sentence, in order."""

    words: tuple[Word, ...]
    stems: frozenset[str]
    """What it is about."""

    @property
    def negated(self) -> bool:
        """Whether it denies something: twice is not at all, and `not only` neither."""
        return len(self.denials) % 2 == 1

    @property
    def denials(self) -> list[int]:
        """Where it denies something."""
        following = [*(word.folded for word in self.words[1:]), ""]
        denials = [at for at, word in enumerate(self.words) if word.denies and following[at] not in _ONLY]
        return sorted([*denials, *self._no_more])

    @property
    def _no_more(self) -> list[int]:
        """Where French `plus` denies: behind `ne` and no other denial, and not with `que`."""
        found, ne = list[int](), False
        for at, word in enumerate(self.words):
            if word.folded == "plus" and ne and not any(one.folded in _QUE for one in self.words[at:]):
                found.append(at)
            # `N'importe quel` denies nothing.
            begins = word.folded in _NE and "importe" not in {
                one.folded for one in self.words[at + 1 : at + 2]
            }
            ne = begins or (ne and word.folded != "plus" and not word.denies)
        return found

    def like(
        self, others: Iterable[Clause], share: float, beside: AbstractSet[str] = frozenset()
    ) -> list[Clause]:
        """Those that hold so much of what this one is about, not counting the stems `beside`."""
        own = self.stems - beside
        return [one for one in others if own and len(own & one.stems) >= share * len(own)]


@dataclass(frozen=True, slots=True)
class Said:
    """What a text says: its sentences, the clauses that they are made of, and what is joined in those."""

    sentences: tuple[Clause, ...]
    clauses: tuple[Clause, ...]
    parts: tuple[Clause, ...]
    told: tuple[tuple[Clause, ...], ...]
    """The clauses of each sentence."""
    named: bool
    """Whether capitals tell names from other words in its language: German writes every noun with one."""

    def like(self, clause: Clause, share: float) -> list[Clause]:
        """What says nearly the same as `clause`: clauses, or else whole sentences."""
        return clause.like(self.clauses, share) or clause.like(self.sentences, share)

    def beside(self, clause: Clause) -> list[Clause]:
        """The other clauses of the sentences that `clause` is in."""
        return [one for told in self.told if clause in told for one in told if one != clause]


def said(texts: Iterable[str]) -> Said:
    """What these texts say."""
    each = list(map(_said, texts))
    return Said(
        tuple(one for read in each for one in read.sentences),
        tuple(one for read in each for one in read.clauses),
        tuple(one for read in each for one in read.parts),
        tuple(one for read in each for one in read.told),
        all(read.named for read in each),
    )


@lru_cache(KEPT)
def _said(text: str) -> Said:
    whole = list(map(canonical, sentences(text)))
    parts = [clause_of(part) for one in whole for piece in _BREAK.split(one) for part in _AND.split(piece)]
    told = tuple(tuple(clauses_of(one)) for one in whole)
    return Said(
        tuple(map(clause_of, whole)),
        tuple(clause for one in told for clause in one),
        tuple(part for part in parts if part.words),
        told,
        language_of(text) != "de",
    )


def clauses_of(sentence: str) -> list[Clause]:
    """The clauses of a sentence."""
    found = [_clause(part, not n) for n, part in enumerate(_BREAK.split(sentence))]
    return [clause for clause in found if clause.words]


def clause_of(text: str, *, first: bool = True) -> Clause:
    """The words of a text; `first`: a sentence begins with it."""
    return _clause(text, first)


@lru_cache(KEPT)
def _clause(text: str, first: bool) -> Clause:  # noqa: FBT001 - by place, for the cache
    words, end = list[Word](), 0
    for found in _WORD.finditer(text):
        plain, gap = folded(found[0]), text[end : found.start()]
        words.append(Word(found[0], plain, first and not words, gap, *_kind(plain)))
        end = found.end()
    return Clause(tuple(words), frozenset(word.stem for word in words if word.says))


def inflected(one: str, other: str) -> bool:
    """Whether one stem begins as all of the other."""
    return one.startswith(other) or other.startswith(one)
