"""In which language a text is; and the few sentences that the program says itself, in English or French."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from streams.answering.text.little import TELLING
from streams.answering.text.words import folded

Language = Literal["en", "fr"]

_TAG = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8})*")
_WORD = re.compile(r"[^\W\d_]+")
_ACCENTS = re.compile(r"[àâçèêëîïôœùûÿ]", re.IGNORECASE)
_ELISION = re.compile(r"\b(?:[cdjlmnst]|qu)['’](?=[^\W\d_]{2})", re.IGNORECASE)  # noqa: RUF001 - both apostrophes
_SCRIPTS = {
    "CYRILLIC": "ru", "GREEK": "el", "ARABIC": "ar", "HEBREW": "he", "HIRAGANA": "ja", "KATAKANA": "ja",
    "HANGUL": "ko", "THAI": "th", "DEVANAGARI": "hi", "CJK": "zh",
}  # fmt: skip
"""A language for each script that is not Latin: which of its languages makes no difference here."""
_CHANCE = 1
"""By how much a language must be ahead of English: an abbreviation may look like a little word of it."""
_AFTER_LATIN = "\u0370"
_NAMES = {
    "ar": "Arabic", "bg": "Bulgarian", "ca": "Catalan", "cs": "Czech", "da": "Danish", "de": "German",
    "el": "Greek", "en": "English", "es": "Spanish", "et": "Estonian", "fi": "Finnish", "fr": "French",
    "he": "Hebrew", "hi": "Hindi", "hr": "Croatian", "hu": "Hungarian", "id": "Indonesian", "it": "Italian",
    "ja": "Japanese", "ko": "Korean", "lt": "Lithuanian", "lv": "Latvian", "nb": "Norwegian", "nl": "Dutch",
    "no": "Norwegian", "pl": "Polish", "pt": "Portuguese", "ro": "Romanian", "ru": "Russian", "sk": "Slovak",
    "sl": "Slovenian", "sv": "Swedish", "th": "Thai", "tr": "Turkish", "uk": "Ukrainian", "vi": "Vietnamese",
    "zh": "Chinese",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Phrases:
    """What the program says.

    `abstention`: nothing was found, `by_words`: where it was looked for by words alone; `extract`: stands
    before passages that are quoted as they are.
    """

    abstention: str
    by_words: str
    extract: str


_PHRASES: dict[Language, Phrases] = {
    "en": Phrases(
        abstention="I found nothing in the documents that answers this question.",
        by_words="By the words of this question I found nothing in the documents that answers it; "
        "they cannot be searched by its meaning at the moment.",
        extract="These passages of the documents match the question best:",
    ),
    "fr": Phrases(
        abstention="Je n’ai rien trouvé dans les documents qui réponde à cette question.",  # noqa: RUF001 - French
        by_words="Par les mots de cette question, je n’ai rien trouvé dans les documents "  # noqa: RUF001 - French
        "qui y réponde ; la recherche par le sens n’est pas possible en ce moment.",  # noqa: RUF001 - French
        extract="Voici les passages des documents qui correspondent le mieux à la question :",
    ),
}


def named(tag: str | None) -> str | None:
    """The English name of the language that a BCP 47 tag stands for, or None where we know none."""
    return _NAMES.get(re.split("[-_]", tag.lower())[0]) if tag and _TAG.fullmatch(tag) else None


def language_of(text: str, declared: str | None = None, *, otherwise: str = "en") -> str:
    """The language of `text`, as a BCP 47 tag without region: the declared one, else the text's own.

    That is told by script and little words; `otherwise` where nothing tells.
    """
    if declared and named(declared):
        return re.split("[-_]", declared.lower())[0]
    return _by_script(text) or _by_little_words(text) or otherwise


def spoken(text: str, declared: str | None, found: Sequence[str]) -> Language:
    """As `guess`; where the question's words do not tell, in the language of most passages found for it."""
    if language_of(text, declared, otherwise=""):
        return guess(text, declared)
    return Counter(map(guess, found)).most_common(1)[0][0] if found else "en"


def guess(text: str, declared: str | None = None) -> Language:
    """The language of `text` as far as we speak it: French, or English for every other one."""
    return "fr" if language_of(text, declared) == "fr" else "en"


def _by_script(text: str) -> str | None:
    letters = [character for character in text if character.isalpha()]
    if not letters or sum(character < _AFTER_LATIN for character in letters) * 2 >= len(letters):
        return None
    scripts = Counter(unicodedata.name(letter, "").partition(" ")[0] for letter in letters)
    known = [name for name, _ in scripts.most_common() if name in _SCRIPTS]
    # Japanese has kana between its Chinese characters.
    kana = [name for name in known if _SCRIPTS[name] == "ja"]
    return next((_SCRIPTS[name] for name in [*kana, *known]), None)


def _by_little_words(text: str) -> str | None:
    scores = Counter({"fr": len(_ELISION.findall(text)) + bool(_ACCENTS.search(text))})
    for word in _WORD.findall(text):
        scores.update(TELLING.get(folded(word), {}))
    english = scores.pop("en", 0)
    best = max(scores, key=lambda language: scores[language])
    if scores[best] > english + _CHANCE:
        return best
    return "en" if english > scores[best] else None


def phrases(language: Language) -> Phrases:
    """What the program says in that language."""
    return _PHRASES[language]
