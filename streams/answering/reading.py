"""Reading: which languages an embedding model reads, found out by asking it.

A model that was trained on English gives vectors to French texts, too, and they are alike whatever they are
about. So it is shown a few questions and their answers in the language: who reads it puts each question
nearest to its own answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from operator import mul
from statistics import fmean

from streams.answering.pairs import PAIRS
from streams.messages.held import Vector
from streams.ports import Embedder

READS = 0.8
"""Mean reciprocal rank from which on a model reads a language.

By chance it is .26; MiniLM has 1.0 in English, .49 in French, .28 in German, and .67 or less for questions in
one language and answers in another.
"""
PRESUMED = "en"
"""Every embedding model reads it, so that questions in it cost nothing."""
OTHERS = tuple(language for language in PAIRS if language != PRESUMED)


@dataclass(frozen=True, slots=True)
class _Shown:
    """What the model made of the pairs in one language."""

    questions: Sequence[Vector]
    answers: Sequence[Vector]


class Reading:
    """What one embedder reads. Each language is shown to it once, when a question first comes in it.

    `told`: the languages that it reads, where that is known; then it is not asked.
    """

    def __init__(self, embedder: Embedder, told: Collection[str] | None = None) -> None:
        self._embedder, self._told = embedder, told
        self._shown: dict[str, _Shown] = {}
        self._showing = asyncio.Lock()

    async def reads(self, asked: str, written: str) -> bool:
        """As `Reads`: whether what is written in one language is found by questions in another, or the same.

        A language that there are no pairs in is read by models that read all of those but English.
        Raises what the embedder raises.
        """
        if self._told is not None:
            return asked in self._told and written in self._told
        return all([await self._reads(*pair) for pair in _pairs(asked, written)])

    async def _reads(self, asked: str, written: str) -> bool:
        if asked == written == PRESUMED:
            return True
        questions, answers = (await self._of(asked)).questions, (await self._of(written)).answers
        return understanding(questions, answers) >= READS

    async def _of(self, language: str) -> _Shown:
        async with self._showing:
            if language not in self._shown:
                self._shown[language] = await self._show(language)
            return self._shown[language]

    async def _show(self, language: str) -> _Shown:
        pairs = PAIRS[language]
        questions = [await self._embedder.embed_query(pair.question) for pair in pairs]
        return _Shown(questions, await self._embedder.embed_documents([pair.answer for pair in pairs]))


def understanding(questions: Sequence[Vector], answers: Sequence[Vector]) -> float:
    """The mean reciprocal rank of each question's own answer among all, by the dot product: 0 to 1."""
    return fmean(
        1 / sum(_dot(question, other) >= _dot(question, answer) for other in answers)
        for question, answer in zip(questions, answers, strict=True)
    )


def _dot(one: Vector, other: Vector) -> float:
    return sum(map(mul, one, other), 0.0)


def _pairs(asked: str, written: str) -> list[tuple[str, str]]:
    """The pairs of languages that stand for this one."""
    if asked in PAIRS and written in PAIRS:
        return [(asked, written)]
    if asked == written:
        return [(other, other) for other in OTHERS]
    if asked in PAIRS or written in PAIRS:
        return [
            (asked, other) if asked in PAIRS else (other, written)
            for other in OTHERS
            if other not in (asked, written)
        ]
    return [(one, other) for one in OTHERS for other in OTHERS if one != other]
