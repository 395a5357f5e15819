"""Brackets of an answer's own, `argv[2]` or `the interval [1, 5]`, beside those that cite.

Documents have them, models write them without backticks, and only their company tells them from citations:
what the passages hold word for word, what the bracket clings to, and whether a sentence ends behind it, where
models cite (`so it is[1].`). A passage's own footnotes tell nothing: the model reads `capital(1)` where its
source has `capital[1]`, so it cites when it writes `capital[1]`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from streams.answering.grounding.markers import unmarked

LONGEST = 60
"""Characters before or behind a bracket that are looked at."""

_CITED = r"(?:\[[^][\n]*\])*"
_CLOSING = r"[)\]\"'”’»*_]*"  # noqa: RUF001 - closing quotes
_ENDS = re.compile(rf"{_CITED}{_CLOSING}(?:[ \u00a0\u202f]?[.!?…]+{_CLOSING}(?:\s|$)|[ \t]*[|\n]|$)")
_ASSIGNED = re.compile(rf"{_CITED} ?=")
_MEMBER = re.compile(rf"{_CITED}\.[a-z_]")
_CITED_APART = re.compile(r"[ \u00a0]\[\d\d?\]")
_UNDECIDED = re.compile(
    rf"{_CITED}(?:\[[^][\n]*|{_CLOSING}[ \u00a0\u202f]?[.!?…]*{_CLOSING}|[^\S\n]*\[?\w*(?:,? ?\w*)?)"
)
_IDENTIFIER = re.compile(r"[^\W_]_+[^\W_]|(?<!\w)\$[A-Za-z_][^$]*\Z")
_INDEXED = re.compile(r"[a-z]+(?:\.[a-z]+)*\.(?!(?:js|com|org|net)\Z)[a-z]+|[^\W\d_]|[^\W\d_]\(\w\)")
"""What may be code, where a text has it with a bracket: `sys.argv`, `x`, `f(x)`."""
_CHUNK = re.compile(r"\S*\Z")
_WORD_BEFORE = re.compile(r"[^\W_]+[^\w\s]*\s?\Z")
_NEXT = re.compile(r"\s*\[?\w+|\s*\W")
_ITEM = re.compile(r"\s*\w+(?:,? \w+)?")
_BLANKS = re.compile(r"\s+")
_ONE = re.compile(r"(?:\[\s*\d+\s*\])+")
_SEVERAL = re.compile(r"\[[\d\s,;–-]+\]")  # noqa: RUF001 - models write en dashes


def undecided(after: str) -> bool:
    """Whether more has to follow a bracket than `after` to tell what it is."""
    return len(after) < LONGEST and _UNDECIDED.fullmatch(after) is not None


@dataclass(frozen=True, slots=True)
class Bracket:
    """One or several closed brackets, `[1][2]`; `before`: the line up to them.

    `valid`: whether there is all that they would point at.
    """

    before: str
    text: str
    valid: bool

    @property
    def several(self) -> bool:
        """Whether it is one that holds a list or a range."""
        return _ONE.fullmatch(self.text) is None

    @property
    def clings(self) -> bool:
        """Whether it is written without a space behind a word or another bracket."""
        return self.before[-1:].isalnum() or self.before[-1:] in {"_", ")", "]"}

    @property
    def word(self) -> str:
        """What it clings to."""
        found = _CHUNK.search(self.before[-LONGEST:])
        return found[0].lstrip("([{\"'“«*") if found and self.clings else ""

    @property
    def labels(self) -> bool:
        """Whether it stands where a label does, before what it is for."""
        return not self.before.strip() or self.before.rstrip()[-1] in ":,;(|"

    @property
    def numeric(self) -> bool:
        """Whether it holds nothing but numbers."""
        return bool(_ONE.fullmatch(self.text) or _SEVERAL.fullmatch(self.text))


class Brackets:
    """Tells the brackets that an answer from these texts has for its own."""

    def __init__(self, texts: Iterable[str]) -> None:
        texts = list(texts)
        self._texts = [_BLANKS.sub(" ", text) for text in texts]
        self._shown = [_BLANKS.sub(" ", unmarked(text)) for text in texts]

    def maybe(self, bracket: Bracket) -> bool:
        """Whether it takes what follows to tell."""
        return bracket.numeric and (bracket.clings or _hold(self._texts, bracket.text))

    def own(self, bracket: Bracket, after: str) -> bool:
        """Whether it is the answer's own and no citation, given what follows on it."""
        if not bracket.numeric:
            return False
        cites_here = bracket.valid and _ENDS.match(after) is not None
        if bracket.clings:
            return self._index(bracket, after, cites_here=cites_here)
        if cites_here:
            return False
        if bracket.several:
            return _hold(self._shown if bracket.valid else self._texts, bracket.text)
        return self._item(bracket, after) if bracket.labels else self._named(bracket, after)

    def _index(self, bracket: Bracket, after: str, *, cites_here: bool) -> bool:
        whole, identifier = bracket.word + bracket.text, _IDENTIFIER.search(bracket.word) is not None
        if not cites_here and _hold(self._shown, whole):
            return True
        indexed = identifier or _INDEXED.fullmatch(bracket.word) is not None
        if _hold(self._texts, whole):
            # At a sentence's end, where models cite, it takes code of the same name before it.
            copied = indexed and (not cites_here or f"`{bracket.word}[" in bracket.before)
            if copied or _CITED_APART.match(after):
                return True
        if _MEMBER.match(after) or (identifier and _ASSIGNED.match(after)):
            return True
        return identifier and not bracket.valid

    def _item(self, bracket: Bracket, after: str) -> bool:
        """Whether a text has the same label before the same."""
        item = _ITEM.match(after)
        return item is not None and _hold(self._texts, bracket.text + item[0])

    def _named(self, bracket: Bracket, after: str) -> bool:
        """Whether a text has it behind the same word; where it can cite, in code and before the same, too."""
        preceding, following = _WORD_BEFORE.search(bracket.before[-LONGEST:]), _NEXT.match(after)
        if preceding is None or following is None:
            return False
        copied = preceding[0] + bracket.text
        return _hold(self._shown, copied + following[0]) if bracket.valid else _hold(self._texts, copied)


def _hold(texts: Iterable[str], piece: str) -> bool:
    """Whether one of `texts` has `piece`, as whole words."""
    whole = re.compile(rf"(?<![\w.]){re.escape(_BLANKS.sub(' ', piece))}(?!\w)")
    return any(whole.search(text) for text in texts)
