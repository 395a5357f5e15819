"""Query: what to search for, and how much its vector counts there."""

from __future__ import annotations

from streams.answering.text.words import ENGLISH, FRENCH, folded, pieces
from streams.ports import Serving

UNREAD = 0.4
"""What is left of the weight of vectors where the embedding model does not read the question's language.

Not nothing: names, numbers and words that two languages share are alike to it, too.
"""

_STOP_WORDS = {"en": ENGLISH, "fr": FRENCH}


def searched_words(text: str, language: str) -> str:
    """What the word arm looks for: `text` without the words that say how it is built; all where no other is.

    Those are the language's own: `car` is one in French.
    """
    listed = _STOP_WORDS.get(language, frozenset())
    kept = [piece for piece in pieces(text) if folded(piece) not in listed]
    return " ".join(kept) or text


async def vector_weight(serving: Serving, language: str, weight: float) -> float:
    """The weight of vectors against words for a question in that language, `weight` where it is read."""
    return weight if await serving.reads(language, language) else UNREAD * weight
