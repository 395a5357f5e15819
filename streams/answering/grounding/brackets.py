"""Brackets of an answer's own, `argv[2]` or `the interval [1, 5]`, beside those that cite.

Documents have them, models write them without backticks, and only their company tells them from citations:
what the passages hold word for word, what the bracket clings to, and whether a sentence ends behind it, where
models cite (`so it is[1].`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

LONGEST = 60
"""Characters before or behind a bracket that are looked at."""

_CITED = r"(?:\[[^][\n]*\])*"
_CLOSING = r"[)\]\"'”’»*_]*"  # noqa: RUF001 - closing quotes
_ENDS = re.compile(rf"{_CITED}{_CLOSING}(?:[ \u00a0\u202f]?[.!?…]+{_CLOSING}(?:\s|$)|[ \t]*[|\n]|$)")
_CODE_FOLLOWS = re.compile(rf"{_CITED}(?: ?=|\.[a-z_])")
_UNDECIDED = re.compile(rf"{_CITED}(?:\[[^][\n]*|{_CLOSING}[ \u00a0\u202f]?[.!?…]*{_CLOSING}|[^\S\n]*\[?\w*)")
_CODELIKE = re.compile(r"[_$]|\w\.\w|[a-z][A-Z]")
_CHUNK = re.compile(r"\S*\Z")
_WORD_BEFORE = re.compile(r"[^\W_]+[^\w\s]*\s?\Z")
_NEXT = re.compile(r"\s*\[?\w+|\s*\W")
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
        self._texts = [_BLANKS.sub(" ", text) for text in texts]

    def maybe(self, bracket: Bracket) -> bool:
        """Whether it takes what follows to tell."""
        return bracket.numeric and (bracket.clings or self._hold(bracket.text))

    def own(self, bracket: Bracket, after: str) -> bool:
        """Whether it is the answer's own and no citation, given what follows on it."""
        if not bracket.numeric:
            return False
        cites_here = bracket.valid and _ENDS.match(after) is not None
        if bracket.clings:
            return self._index(bracket, after, cites_here=cites_here)
        if bracket.several:
            return not cites_here and self._hold(bracket.text)
        following = _NEXT.match(after)
        return following is not None and not cites_here and self._copied(bracket, following[0])

    def _index(self, bracket: Bracket, after: str, *, cites_here: bool) -> bool:
        codelike = _CODELIKE.search(bracket.word) is not None
        if self._hold(bracket.word + bracket.text):
            return codelike or not cites_here
        return _CODE_FOLLOWS.match(after) is not None or (codelike and not bracket.valid)

    def _copied(self, bracket: Bracket, following: str) -> bool:
        """Whether a text has it beside the same words: the one behind a label, or those on either side."""
        if bracket.labels:
            return self._hold(bracket.text + following)
        preceding = _WORD_BEFORE.search(bracket.before[-LONGEST:])
        copied = "" if preceding is None else preceding[0] + bracket.text
        return bool(copied) and self._hold(copied + (following if bracket.valid else ""))

    def _hold(self, piece: str) -> bool:
        """Whether a text has `piece`, as whole words."""
        whole = re.compile(rf"(?<![\w.]){re.escape(_BLANKS.sub(' ', piece))}(?!\w)")
        return any(whole.search(text) for text in self._texts)
