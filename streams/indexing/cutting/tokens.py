"""How many tokens a text has at most, where the model's own tokenizer can't be asked.

Ollama has no tokenizer endpoint, so this is an estimate that errs upwards. It counts half-tokens, one
pair of neighbouring characters at a time, so that sums over any stretch of a text come from prefix sums:

- Sub-word vocabularies hold nearly every pair of letters that words are made of, so that a word of n
  letters has about n/2 tokens at most, and one more half for each pair that no vocabulary holds.
- Digits and punctuation are tokens of their own; code indentation is at worst two spaces a token.
- Outside of Latin script a character is as many tokens as byte-level vocabularies usually need.

Checked against the WordPiece vocabulary that MiniLM and nomic-embed-text share, and a byte-level BPE.
"""

from __future__ import annotations

import unicodedata
from itertools import accumulate, pairwise

SPECIAL_TOKENS = 2
"""What models put around every text: a start and an end."""

_PAIRS = 1 << 16
"""Pairs of characters that are remembered at a time."""

_MARGIN = 1
"""For the first word: vocabularies hold fewer of the pairs that words begin with."""

# The second letters that sub-word vocabularies lack after each first one.
_RARE_AFTER = {
    "a": "q", "b": "dgjkpqvwxz", "c": "fgjnqvwx", "d": "gjknqvwxz", "e": "q", "f": "dhjnqvwxz",
    "g": "djkqvwxz", "h": "bfjkqwvxz", "i": "w", "j": "bcdfghjlpqrtvwxyz", "k": "bcdfgjlnpqvwxz",
    "l": "ghjqvwx", "m": "fhjknqrvwz", "n": "fjmqvw", "o": "q", "p": "bjknqvxz",
    "q": "abcdefghijklmnopqrstvwxyz", "r": "jqvwx", "s": "jnqvx", "t": "bdgjknqwx", "u": "quv",
    "v": "bcdfghjklmpqtvwxz", "w": "bfhjmpqvwxz", "x": "bcdefghjklmnoqrsuvwxz", "y": "bcfghjqvwyz",
    "z": "bcdfgjmnpqrstvwx",
}  # fmt: skip
_RARE = frozenset(first + second for first, seconds in _RARE_AFTER.items() for second in seconds)


class TokenSums:
    """Upper bounds for every stretch of one text, each in constant time."""

    def __init__(self, text: str) -> None:
        self._text = text
        halves = map(_KNOWN.__getitem__, pairwise(f" {text}"))
        self._halves = list(accumulate(halves, initial=0))

    def between(self, start: int, end: int) -> int:
        """At most this many tokens has `text[start:end]`, the model's special tokens included."""
        if start == end:
            return SPECIAL_TOKENS
        first = _KNOWN[" ", self._text[start]]
        halves = first + self._halves[end] - self._halves[start + 1]
        return (halves + 1) // 2 + _MARGIN + SPECIAL_TOKENS


def estimate(text: str) -> int:
    """At most this many tokens has `text`, the model's special tokens included."""
    return min(TokenSums(text).between(0, len(text)), _bytes(text) + SPECIAL_TOKENS)


def certainly_fits(text: str, max_tokens: int) -> bool:
    """Whether `text` fits by its bytes alone: no vocabulary makes more than one token of a byte."""
    return _bytes(text) + SPECIAL_TOKENS <= max_tokens


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


class _Known(dict[tuple[str, str], int]):
    """Half-tokens that a character adds after another one, of the pairs that were met.

    A plain dictionary, since all else takes longer than the work that it saves.
    """

    def __missing__(self, pair: tuple[str, str]) -> int:
        if len(self) >= _PAIRS:
            self.clear()
        halves = self[pair] = _halves(*pair)
        return halves


_KNOWN = _Known()


def _halves(before: str, char: str) -> int:
    if char.isascii():
        return _ascii_halves(before, char)
    letter = unicodedata.normalize("NFD", char)[0]
    if letter.isascii() and char <= "\xff":
        return _ascii_halves(before, letter) + 1
    return _other_halves(char)


def _ascii_halves(before: str, char: str) -> int:
    if char.isalpha():
        return 1 + _starts_token(before, char)
    if char.isdigit():
        return 4 if before.isspace() else 2
    if char == " ":
        return 1 if before.isspace() else 0
    return 2


def _starts_token(before: str, letter: str) -> bool:
    starts_word = not before.isalpha() or not before.isascii()
    return starts_word or letter.isupper() or (before + letter).lower() in _RARE


def _other_halves(char: str) -> int:
    if char.isspace():
        return 2
    if "\u0370" <= char <= "\u06ff":  # Greek, Cyrillic, Hebrew, Arabic: their usual letters are one token
        return 3
    if "\u3000" <= char <= "\u9fff":  # kana and ideographs: at worst two tokens, a rare one three
        return 5
    return 2 * _bytes(char)
