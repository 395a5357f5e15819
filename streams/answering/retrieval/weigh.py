"""Weigh: whether what was retrieved can answer the question."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from streams.answering.retrieval.evidence import (
    Weighing,
    alike,
    asked_words,
    matches_rare_word,
    share_telling_words,
    without,
)
from streams.answering.retrieval.retrieve import Retrieved
from streams.answering.text.language import language_of

Counts = Callable[[Sequence[str]], Awaitable[tuple[int, Mapping[str, int]]]]
"""As `Search.word_counts`, of one tenant."""


async def answerable(
    question: str,
    language: str,
    retrieved: Retrieved,
    counts: Counts,
    *,
    model: str,
    weighing: Weighing,
    by_words: bool = False,
) -> bool:
    """Whether a passage is as alike to the question as that tells something, or holds what is rare in it.

    `language` is the question's, empty where nothing tells: it is that of each passage then. `model` is the
    embedding model. Words are counted only where similarity does
    not decide. `by_words`: the question has no vector, so that hits are alike to nothing. Raises as `counts`
    does.
    """
    hits = [one.hit for one in retrieved.found]
    written = [language_of(hit.text, otherwise=language or "en") for hit in hits]
    spoken = [language or other for other in written]
    if not hits:
        return False
    if not by_words and alike(hits, written, spoken, model, weighing):
        return True
    if not (asked := asked_words(question)):
        return False
    total, held = without(retrieved.superseded, *await counts(asked))
    own = [hit for hit, other, mine in zip(hits, written, spoken, strict=True) if other == mine]
    foreign = [hit for hit, other, mine in zip(hits, written, spoken, strict=True) if other != mine]
    return (
        matches_rare_word(own, asked, total, held, weighing)
        or matches_rare_word(foreign, asked, total, held, weighing, codes=True)
        or share_telling_words(foreign, asked, total, held, weighing)
    )
