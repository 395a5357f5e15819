"""Weigh: whether what was retrieved can answer the question."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from streams.answering.evidence import Weighing, alike, asked_words, matches_rare_word, without
from streams.answering.language import Language, guess
from streams.answering.retrieve import Retrieved

Counts = Callable[[Sequence[str]], Awaitable[tuple[int, Mapping[str, int]]]]
"""As `Search.word_counts`, of one tenant."""


async def answerable(
    question: str,
    language: Language,
    retrieved: Retrieved,
    counts: Counts,
    *,
    at_least: float,
    weighing: Weighing,
) -> bool:
    """Whether a passage is as similar to the question as `at_least` (cosine), or holds a rare word of it.

    Words are counted only where similarity does not decide. Raises as `counts` does.
    """
    hits = [one.hit for one in retrieved.found]
    if not hits or alike(hits, at_least):
        return bool(hits)
    if not (asked := asked_words(question)):
        return False
    total, held = without(retrieved.superseded, *await counts(asked))
    foreign = all(guess(hit.text) != language for hit in hits)
    return matches_rare_word(hits, asked, total, held, weighing, foreign=foreign)
