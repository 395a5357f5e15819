"""Text as a reader takes it in, whatever characters it is made of: one form to search for phrases in."""

from __future__ import annotations

import re
import unicodedata

_UNSEEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e01ef]"
)
_MARKS = re.compile("[\u0300-\u036f]")
_BLANK = re.compile(r"[^\S\n]+")
_LINES = re.compile(r"\s*\n\s*")
_WORD = re.compile(r"\w+")
_SPACED = re.compile(r"(?<!\w)([a-z])(?:([ .\-_*])[a-z])(?:\2[a-z]){2,}(?!\w)")
_SEPARATOR = re.compile(r"[ .\-_*]")
_LEET_WORD = re.compile(r"(?<![\w@$])[a-z0-9@$|!+]*[a-z][a-z0-9@$|!+]*(?![\w@$])")
_LEET = str.maketrans("013457@$|+!", "oieastasiti")
_DIGIT = re.compile(r"[0-9@$|+!]")

# Letters of other alphabets that look like Latin ones, upper and lower case.
LOOK_ALIKES = str.maketrans(
    "АВЕЅІЈКМНОРСТУХаеѕіјорсухһԁԛԝΑΒΕΖΗΙΚΜΝΟΡΤΥΧαειονρτυχıɑɡⅼ",
    "ABESIJKMHOPCTYXaesijopcyxhdqwABEZHIKMNOPTYXaeiovptuxiagl",
)
_LATIN = re.compile("[a-z]", re.IGNORECASE)
# Abbreviations have four letters at most; a line in capitals is loud, and not what is to be said.
_LOUD = re.compile(r"(?<![\w\"'])(?<![A-Z]\s)[A-Z]{5,}(?![\w\"'])(?!\s+[A-Z]{2})")


def read(text: str) -> str:
    """`text` in lower case, without accents, invisible characters, full-width and styled letters.

    Letters of other alphabets in a word that has Latin ones, too, become those that they look like. White
    space is one blank or one line break.
    """
    text = unicodedata.normalize("NFKC", _UNSEEN.sub("", text))
    if not text.isascii():
        text = _WORD.sub(lambda word: _one_alphabet(word[0]), text).casefold()
        text = unicodedata.normalize("NFC", _MARKS.sub("", unicodedata.normalize("NFD", text)))
    text = text.casefold()
    text = text.replace("\u2019", "'")
    return _LINES.sub("\n", _BLANK.sub(" ", text))


def quoted(text: str) -> str:
    """`text` with a quotation mark before each word that alone is in capitals: it stands for itself."""
    return _LOUD.sub(lambda word: f'"{word[0]}"', text)


def _one_alphabet(word: str) -> str:
    return word.translate(LOOK_ALIKES) if not word.isascii() and _LATIN.search(word) else word


def unspaced(text: str) -> str:
    """`text` (as `read` gives it) with words that are s p e l l e d written in one."""
    return _SPACED.sub(lambda spelled: _SEPARATOR.sub("", spelled[0]), text)


def unleeted(text: str) -> str:
    """`text` (as `read` gives it) with the digits and signs within words as the letters they stand for."""
    return _LEET_WORD.sub(lambda word: word[0].translate(_LEET) if _DIGIT.search(word[0]) else word[0], text)
