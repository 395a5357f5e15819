"""What a sentence gets wrong though nearly all of its words are in what it cites.

A share of words that are the same can't tell a changed number from the right one, a denial from what it
denies, or who did something from whom it was done to. These rules look at the words' company instead: each
speaks up only where the source says nearly the same thing, and otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import dropwhile, takewhile

from streams.answering.text.sentences import sentences
from streams.answering.text.words import COUNTED, folded, is_content, listed, stem, ungrouped

NEAR = 3
"""Words on either side of a number that say what it counts."""
ALIKE = 0.6
"""Share of a clause's content words from which a clause of the source says nearly the same."""
SAME = 0.8
"""The same, where the order of names is looked at."""
MOST_CAPITALS = 0.25
"""Share of capitals from which they say nothing: German writes every noun with one."""

_BREAK = re.compile(
    r"[,;:()–—]|\s(?:but|because|since|so|while|whereas|mais|car|donc|alors que|tandis que)\s"  # noqa: RUF001 - dashes between clauses
)
_AND = re.compile(r"\s(?:and|or|et|ou)\s", re.IGNORECASE)
_ENOUGH = 2
_WORD = re.compile(r"[^\W_]+(?:['’]t\b)?")  # noqa: RUF001 - typographic apostrophe
_DIGIT = re.compile(r"\d")
_NOT = listed("""
not no never neither nor cannot without none nothing nobody hardly
excluded forbidden prohibited impossible ineligible unavailable non exclu exclue exclus exclues
interdit interdite interdits interdites
pas jamais aucun aucune sans rien personne ni nullement
""")
_LACKS = listed("no without aucun aucune sans")
"""Of those, the ones that deny what they stand before."""
_NO_MORE = listed("longer more plus")
_SO = listed("""
yes allowed permitted possible cover covers covered include includes included available accepted eligible
oui autorise autorisee possible possibles couvre couvert couverte comprend compris inclus accepte
""")
"""Words that only say that something is so, which a denial is compared without."""
_EACH = listed("per a an each every par chaque")
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
_BY = frozenset({"by", "par"})
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


@dataclass(frozen=True, slots=True)
class Word:
    """A word as it is written and as it is compared; whether it carries meaning, whether it comes first."""

    written: str
    folded: str
    content: bool
    first: bool
    gap: str = ""
    """What stands between the word before and this one."""

    @property
    def stem(self) -> str:
        """By which its inflections are alike."""
        return stem(self.folded)

    @property
    def number(self) -> str | None:
        """The number that it is, in digits; None for any other word."""
        return self.folded if _DIGIT.search(self.folded) else COUNTED.get(self.folded)

    @property
    def denies(self) -> bool:
        """Whether it turns what is said into its contrary."""
        return self.folded in _NOT or self.folded.endswith(("n't", "n’t"))  # noqa: RUF001 - typographic apostrophe

    @property
    def says(self) -> bool:
        """Whether it says what about, rather than how many of it or whether."""
        return self.content and self.number is None and not self.denies and self.folded not in _SO

    @property
    def name(self) -> bool:
        """Whether it is written as names are; how a sentence begins says nothing."""
        return self.written[:1].isupper() and len(self.written) > 1 and self.content and not self.first


@dataclass(frozen=True, slots=True)
class Clause:
    """The words of a clause, or of a whole sentence, in order."""

    words: tuple[Word, ...]

    @property
    def stems(self) -> frozenset[str]:
        """What it is about."""
        return frozenset(word.stem for word in self.words if word.says)

    @property
    def negated(self) -> bool:
        """Whether it denies something: twice is not at all."""
        return sum(word.denies for word in self.words) % 2 == 1

    def denies(self, asked: AbstractSet[str]) -> bool:
        """Whether it denies what is `asked`, some stems: `without a fee` does where a fee is asked for."""
        denials = [at for at, word in enumerate(self.words) if word.denies]
        return sum(self._reaches(at, asked) for at in denials) % 2 == 1

    def _reaches(self, at: int, asked: AbstractSet[str]) -> bool:
        after = self.words[at + 1 :]
        if self.words[at].folded not in _LACKS or (after and after[0].folded in _NO_MORE):
            return True
        phrase = takewhile(lambda word: word.says, dropwhile(lambda word: not word.says, after))
        lacking = {word.stem for word in phrase}
        return not lacking or any(_inflected(one, other) for one in lacking for other in asked)

    @property
    def passive(self) -> bool:
        """Whether it seems to name who does something last."""
        return any(word.folded in _BY for word in self.words)

    @property
    def opposable(self) -> frozenset[str]:
        """Its words that have an opposite."""
        return frozenset(word.folded for word in self.words if word.folded in _OPPOSITES)

    def unit(self, at: int) -> str | None:
        """The stem of the word right after the one at `at`, where that says something."""
        after = self.words[at + 1 : at + 2]
        return after[0].stem if after and after[0].says and after[0].folded not in _EACH else None

    def following(self, at: int) -> frozenset[str]:
        """The stems of the next two words that say something."""
        return frozenset([word.stem for word in self.words[at + 1 :] if word.says][:2])

    def company(self, at: int) -> frozenset[str]:
        """The stems of the words around the one at `at` that say something."""
        before = [word.stem for word in self.words[:at] if word.says][-NEAR:]
        after = [word.stem for word in self.words[at + 1 :] if word.says][:NEAR]
        return frozenset(before + after)

    def per(self, at: int) -> str | None:
        """The period that the number at `at` is for each of: `month` for 5 % per month, or 5 % monthly."""
        if period := self.per_each(at):
            return period
        after = [word.folded for word in self.words[at + 1 : at + 2] if not _ENDS_RATE.search(word.gap)]
        return next((_PERIODS[word] for word in after if word in _PERIODS and word.endswith(_ADVERBS)), None)

    def per_each(self, at: int) -> str | None:
        """The same, where a word or a stroke says so: 5 % per month, 5 %/month."""
        for place in range(at + 1, min(at + 1 + _AFTER_NUMBER, len(self.words))):
            word, before = self.words[place], self.words[place - 1].folded
            if word.number is not None or _ENDS_RATE.search(word.gap):
                return None
            each = before in _EACH or word.gap.rstrip().endswith("/")
            if word.folded in _PERIODS and each:
                return _PERIODS[word.folded]
            # What is counted may be time itself, 25 days per year; English `an` is no year.
            if word.folded in _PERIODS and word.folded not in _EACH and place > at + 1:
                return None
        return None

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

    def like(self, clause: Clause, share: float) -> list[Clause]:
        """What says nearly the same as `clause`: clauses, or else whole sentences."""
        return clause.like(self.clauses, share) or clause.like(self.sentences, share)

    @property
    def has_names(self) -> bool:
        """Whether capitals tell names from other words."""
        words = [word for one in self.sentences for word in one.words]
        return sum(word.name for word in words) <= MOST_CAPITALS * len(words)


def said(texts: Iterable[str]) -> Said:
    """What these texts say."""
    whole = [sentence for text in texts for sentence in sentences(ungrouped(text))]
    clauses = [_clause(part, first=not n) for one in whole for n, part in enumerate(_BREAK.split(one))]
    parts = [_clause(part) for one in whole for clause in _BREAK.split(one) for part in _AND.split(clause)]
    return Said(
        tuple(map(_clause, whole)),
        tuple(clause for clause in clauses if clause.words),
        tuple(part for part in parts if part.words),
    )


def _clause(text: str, *, first: bool = True) -> Clause:
    words, end = list[Word](), 0
    for found in _WORD.finditer(text):
        plain, gap = folded(found[0]), text[end : found.start()]
        words.append(Word(found[0], plain, is_content(plain), first and not words, gap))
        end = found.end()
    return Clause(tuple(words))


def contradicted(sentence: str, sources: Sequence[str]) -> bool:
    """Whether `sentence` says something else than `sources`, which hold its words."""
    own, source = said([sentence]), said(sources)
    return (
        any(_miscounted(one, source) or _misrated(one, source) for one in own.sentences)
        or _denied_in_part(own, source)
        or any(_denied(one, source) or _opposed(one, source) for one in own.clauses)
        or (source.has_names and any(_misnamed(one, source) for one in own.sentences))
        or (source.has_names and any(_swapped(one, source) for one in own.clauses))
    )


def _miscounted(sentence: Clause, source: Said) -> bool:
    """A number counts something else than in the source, or what it counts has another number there."""
    counted = [
        (one, at) for one in source.sentences for at, word in enumerate(one.words) if word.number is not None
    ]
    for at, word in enumerate(sentence.words):
        if word.number is None or not sentence.company(at):
            continue
        beside = [(one, place) for one, place in counted if _counts_alike(sentence, at, one, place)]
        if any(one.words[place].number == word.number for one, place in beside):
            continue
        # A number in words may sum up what the source lists; not where that counts the same itself.
        if _DIGIT.search(word.folded) or any(sentence.unit(at) == one.unit(place) for one, place in beside):
            return True
    return False


def _counts_alike(one: Clause, at: int, other: Clause, place: int) -> bool:
    """Whether two numbers count the same: by the word after each, or else by those around them."""
    mine, theirs = one.unit(at), other.unit(place)
    if mine is None or theirs is None:
        return bool(one.company(at) & other.company(place))
    return _inflected(mine, theirs) or mine in other.following(place)


def _inflected(one: str, other: str) -> bool:
    """Whether one stem begins as all of the other."""
    return one.startswith(other) or other.startswith(one)


def _misrated(sentence: Clause, source: Said) -> bool:
    """A number is for another period than the source says outright."""
    rated = {(word.number, one.per(at)) for one in source.sentences for at, word in enumerate(one.words)}
    own = {(word.number, sentence.per(at)) for at, word in enumerate(sentence.words)}
    known = {word.number for one in source.sentences for at, word in enumerate(one.words) if one.per_each(at)}
    return any(
        number in known and (number, period) not in rated for number, period in own if number and period
    )


def _denied_in_part(own: Said, source: Said) -> bool:
    """Of what is joined in the sentence, something that says enough to be told apart is denied."""
    if len(own.parts) == len(own.clauses):
        return False
    alike = [(part, part.like(source.parts, ALIKE)) for part in own.parts if len(part.stems) >= _ENOUGH]
    return any(found and all(one.negated != part.negated for one in found) for part, found in alike)


def answered(sentence: str, question: str, sources: Sequence[str]) -> bool:
    """Whether `sources` agree with a sentence that only says that what the question asks is so, or is not.

    What they say of it is in their sentences that share most with it, and of those in the clauses that are
    about it. Where none does, nothing speaks against the sentence.
    """
    asked, own = _clause(question), _clause(sentence)
    told = [one for text in sources for one in sentences(ungrouped(text))]
    shared = [(len(asked.stems & stems), one) for one in told if (stems := _clause(one).stems)]
    alike = [
        (n, one) for n, one in shared if n and n >= ALIKE * min(len(asked.stems), len(_clause(one).stems))
    ]
    most = max((n for n, _ in alike), default=0)
    best = [_about(asked.stems, one) for n, one in alike if n == most]
    so = own.negated == asked.negated
    return not best or any(so != any(one.denies(asked.stems) for one in clauses) for clauses in best)


def _about(asked: AbstractSet[str], sentence: str) -> list[Clause]:
    """The clauses of a sentence that are about what is `asked`: one alone, or those that have a part in it.

    A clause without a word of its own goes with the others.
    """
    clauses = [_clause(part) for part in _BREAK.split(sentence)]
    alone = [one for one in clauses if len(one.stems & asked) >= SAME * len(asked)]
    return (alone or [one for one in clauses if one.stems & asked]) + [
        one for one in clauses if not one.stems
    ]


def _denied(clause: Clause, source: Said) -> bool:
    alike = source.like(clause, ALIKE)
    return bool(alike) and all(one.negated != clause.negated for one in alike)


def _opposed(clause: Clause, source: Said) -> bool:
    beside = frozenset(map(stem, clause.opposable))
    enough = len(clause.stems - beside) >= _ENOUGH
    alike = source.like(clause, ALIKE) or (clause.like(source.clauses, ALIKE, beside) if enough else [])
    return bool(alike) and any(
        all(word not in one.opposable and _OPPOSITES[word] & one.opposable for one in alike)
        for word in clause.opposable
    )


def _misnamed(sentence: Clause, source: Said) -> bool:
    """A name that the source does not know."""
    words = [word for one in source.sentences for word in one.words]
    known = {word.folded for word in words} | {word.stem for word in words}
    return any(word.name and not {word.folded, word.stem} & known for word in sentence.words)


def _swapped(clause: Clause, source: Said) -> bool:
    """The names stand in another order than in every clause that says the same of them."""
    orders = [_order(clause, one) for one in source.like(clause, SAME) if one.passive == clause.passive]
    return bool(orders) and all(len(mine) > 1 and mine != theirs for mine, theirs in orders)


def _order(one: Clause, other: Clause) -> tuple[list[str], list[str]]:
    """The names that both have, in the order of each."""
    names = {w.folded for w in one.words if w.name} | {w.folded for w in other.words if w.name}
    mine, theirs = (list(dict.fromkeys(w.folded for w in c.words if w.folded in names)) for c in (one, other))
    return [n for n in mine if n in theirs], [n for n in theirs if n in mine]
