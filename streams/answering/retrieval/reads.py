"""Reading: which languages an embedding model reads, found out by asking it.

A model that was trained on English gives vectors to French texts, too, and they are alike whatever they are
about. So it is shown a few questions and their answers in the language: who reads it puts each question
nearest to its own answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from operator import mul
from statistics import fmean

from streams.answering.retrieval.pairs import PAIRS
from streams.messages.held import Vector
from streams.ports import Embedder

READS = 0.8
"""Mean reciprocal rank from which on a model reads a language.

By chance it is .26; MiniLM has 1.0 in English, .49 in French, .28 in German, and .67 or less for questions in
one language and answers in another.
"""
PRESUMED = "en"
"""Every embedding model reads it, so that questions in it cost nothing."""
PATIENCE_S = 1.0
OTHERS = tuple(language for language in PAIRS if language != PRESUMED)


@dataclass(frozen=True, slots=True)
class _Shown:
    """What the model made of the pairs in one language."""

    questions: Sequence[Vector]
    answers: Sequence[Vector]


class Reading:
    """What one embedder reads. Each language is shown to it once, when a question first comes in it.

    `told`: the languages that it reads, where that is known; then it is not asked. A question waits
    `patience_s` seconds for that; where the embedder takes longer or fails, it is taken to read the language.
    """

    def __init__(
        self, embedder: Embedder, told: Collection[str] | None = None, *, patience_s: float = PATIENCE_S
    ) -> None:
        self._embedder, self._told, self._patience_s = embedder, told, patience_s
        self._showing: dict[str, asyncio.Task[_Shown]] = {}

    async def reads(self, asked: str, written: str) -> bool:
        """As `Reads`: whether what is written in one language is found by questions in another, or the same.

        A language that there are no pairs in is read by models that read all of those but English.
        """
        if self._told is not None:
            return asked in self._told and written in self._told
        pairs = [pair for pair in _pairs(asked, written) if pair != (PRESUMED, PRESUMED)]
        shown = await self._shown({language for pair in pairs for language in pair})
        return shown is None or all(
            understanding(shown[one].questions, shown[other].answers) >= READS for one, other in pairs
        )

    async def _shown(self, languages: Collection[str]) -> Mapping[str, _Shown] | None:
        """What the embedder made of these; None where it can't be told yet."""
        for language in languages:
            if language not in self._showing:
                self._showing[language] = asyncio.create_task(self._show(language))
        tasks = {language: self._showing[language] for language in languages}
        if tasks:
            await asyncio.wait(tasks.values(), timeout=self._patience_s)
        for language, task in tasks.items():
            if task.done() and (task.cancelled() or task.exception() is not None):
                self._showing.pop(language, None)  # the next question asks again
                return None
        if not all(task.done() for task in tasks.values()):
            return None
        return {language: task.result() for language, task in tasks.items()}

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
