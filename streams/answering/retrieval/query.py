"""Query: what to search for, and how much its vector counts there."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from streams.answering.text.words import ENGLISH, FRENCH, folded, pieces
from streams.messages.held import Vector
from streams.ports import SearchQuery, Serving

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


async def search_query(
    serving: Serving,
    text: str,
    vector: Vector,
    *,
    language: str,
    weight: float,
    tenant: str,
    principals: Sequence[str] = (),
    filters: Sequence[str] = (),
    within_s: float | None = None,
) -> SearchQuery:
    """How a question is searched for, `weight` being that of vectors in languages that the model reads.

    `within_s`: how many seconds it may take to find out whether it does.
    """
    return SearchQuery(
        tenant=tenant,
        text=searched_words(text, language),
        vector=vector,
        principals=tuple(principals),
        filters=tuple(filters),
        alpha=await vector_weight(serving, language, weight, within_s),
    )


async def vector_weight(
    serving: Serving, language: str, weight: float, within_s: float | None = None
) -> float:
    """The weight of vectors against words for a question in that language, `weight` where it is read.

    0 and 1 are words alone and vectors alone in any language. What is not known `within_s` seconds counts as
    read.
    """
    if weight in {0.0, 1.0}:
        return weight
    try:
        async with asyncio.timeout(within_s):
            return weight if await serving.reads(language, language) else UNREAD * weight
    except TimeoutError:
        return weight
