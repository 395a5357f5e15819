"""The few sentences that the program says itself, in the question's language: English or French."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from streams.answering.words import ENGLISH, FRENCH, folded

Language = Literal["en", "fr"]

_TAG = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8})*")
_WORD = re.compile(r"[^\W\d_]+")
_ACCENTS = re.compile(r"[àâçèêëîïôœùûÿ]", re.IGNORECASE)
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
    """`abstention`: nothing was found; `extract`: stands before passages that are quoted as they are."""

    abstention: str
    extract: str


_PHRASES: dict[Language, Phrases] = {
    "en": Phrases(
        abstention="I found nothing in the documents that answers this question.",
        extract="These passages of the documents match the question best:",
    ),
    "fr": Phrases(
        abstention="Je n’ai rien trouvé dans les documents qui réponde à cette question.",  # noqa: RUF001 - French
        extract="Voici les passages des documents qui correspondent le mieux à la question :",
    ),
}


def named(tag: str | None) -> str | None:
    """The English name of the language that a BCP 47 tag stands for, or None where we know none."""
    return _NAMES.get(re.split("[-_]", tag.lower())[0]) if tag and _TAG.fullmatch(tag) else None


def guess(text: str, declared: str | None = None) -> Language:
    """The language of `text` as far as we speak it: the declared one, else by its little words and accents.

    English where neither is clear.
    """
    if declared and named(declared):
        return "fr" if declared[:2].lower() == "fr" else "en"
    little = [folded(word) for word in _WORD.findall(text)]
    french = sum(word in FRENCH and word not in ENGLISH for word in little) + bool(_ACCENTS.search(text))
    english = sum(word in ENGLISH and word not in FRENCH for word in little)
    return "fr" if french > english else "en"


def phrases(language: Language) -> Phrases:
    """What the program says in that language."""
    return _PHRASES[language]
