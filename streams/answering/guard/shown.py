"""A text as a page shows it, or a model makes it out: without markup and lookalikes within words."""

from __future__ import annotations

import html
import re
import unicodedata
from functools import lru_cache

from streams.answering.text.legible import LOOK_ALIKES

# At most so long, so that what is opened and never closed is looked for once.
_COMMENT = re.compile(r"<!--.{0,1000}?-->", re.DOTALL)
_BREAK = re.compile(r"</?(?:br|p|div|li|ul|ol|td|th|tr|h[1-6])\b[^<>]{0,500}>", re.IGNORECASE)
_TAG = re.compile(r"</?[a-zA-Z][^<>]{0,500}>")
_HYPHENATED = re.compile(r"(?<=\w)[-\u00ad\u2010\u2011][^\S\n]*\n[\s>]*(?=\w)")
_ESCAPE = re.compile(r"\\(?=[!-/:-@\[-`{-~])")
_EMPHASIS = re.compile(r"\*+|~~+|`+|''+")
_UNDERSCORES = re.compile(r"(?<!\w)_+|_+(?!\w)")
_CODE = re.compile(r"(```.{0,2000}?```|`[^`\n]{1,500}`)", re.DOTALL)
# Names with underscores that follow one another; a lone one of three words is a flag, a column, …
_NAMES = re.compile(r"[^\W_]+(?:_+[^\W_]+)+(?:[ \t]+[^\W_]+(?:_+[^\W_]+)+)*")
_LONGEST_NAME, _LONGEST_NAME_IN_CODE = 3, 5
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]")
_WORD = re.compile(r"\w+")
_LATIN = re.compile("[a-z]", re.IGNORECASE)
# LATIN LETTER SMALL CAPITAL G, LATIN SMALL LETTER O WITH STROKE, NEGATIVE SQUARED LATIN CAPITAL LETTER I
_LETTER = re.compile(
    r"(?:.* )?(?:LATIN|REGIONAL INDICATOR SYMBOL|MODIFIER)(?: .*)? LETTER (?:[A-Z]{2,} )*([A-Z])(?: WITH .*)?"
)

# Armenian, Cherokee and Cyrillic letters that look like Latin ones; more are in `LOOK_ALIKES`.
_MORE_LOOK_ALIKES = str.maketrans(
    "ոօսհցզյռրՕՍԼՏӏӀгпᎠᎡᎢᎥᎪᎫᎬᎻᎷᎳᏀᏃᏒᏚᏞᏟᏢᏦᏴᏙ",
    "nouhgqjnrOULSiirndritajehmwgzrslcpkbv",
)


def shown(text: str) -> str:
    """`text` with entities, tags, comments, emphasis, hyphens at a line's end and underscores resolved.

    Letters that were made from Latin ones (small capitals, squared, with a stroke) are those; in a word that
    holds Latin letters, those of other alphabets are the ones that they look like.
    """
    for _ in range(2):
        text = html.unescape(text)
    text = _TAG.sub("", _BREAK.sub(" ", _COMMENT.sub("", text)))
    text = _EMPHASIS.sub("", _spaced(_ESCAPE.sub("", _HYPHENATED.sub("", text))))
    if text.isascii():
        return text
    text = _BEYOND_ASCII.sub(lambda character: _latin(character[0]), text)
    return _WORD.sub(lambda word: _one_alphabet(word[0]), text)


def _spaced(text: str) -> str:
    """`text` with spaces for the underscores of emphasis and of sentences: those of identifiers stay.

    In code a name must be longer to be a sentence than in prose.
    """
    if "_" not in text:
        return text
    parts = _CODE.split(_UNDERSCORES.sub(" ", text))
    parts[::2] = [_NAMES.sub(_of_prose, part) for part in parts[::2]]
    parts[1::2] = [_NAMES.sub(_of_code, part) for part in parts[1::2]]
    return "".join(parts)


def _of_prose(names: re.Match[str]) -> str:
    words = names[0].replace("_", " ")
    return words if len(words.split()) > _LONGEST_NAME else names[0]


def _of_code(names: re.Match[str]) -> str:
    words = names[0].replace("_", " ")
    return words if len(words.split()) > _LONGEST_NAME_IN_CODE else names[0]


@lru_cache(maxsize=4_096)
def _latin(character: str) -> str:
    """The Latin letter that a character was made from, by its name; itself where it was from none."""
    found = _LETTER.fullmatch(unicodedata.name(character, ""))
    return found[1].lower() if found else character


def _one_alphabet(word: str) -> str:
    if word.isascii() or not _LATIN.search(word):
        return word
    return word.translate(LOOK_ALIKES).translate(_MORE_LOOK_ALIKES)
