"""How well questions find the documents that answer them, and are known to have none where there is none."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from streams.answering.retrieval.embed import question_vector
from streams.answering.retrieval.evidence import Weighing
from streams.answering.retrieval.query import search_query
from streams.answering.retrieval.retrieve import Retrieved, retrieve
from streams.answering.retrieval.standing import Standing
from streams.answering.retrieval.weigh import answerable
from streams.answering.text.language import language_of
from streams.evaluation.recall import OVERFETCH, PASSAGES, ROUNDS, Expected
from streams.evaluation.scores import Ranked, Scores, best_threshold, scores
from streams.messages.held import Vector
from streams.ports import Monotonic, Serving

DEPTH = 40
"""Passages that a ranking is made of: of several of one document the best one counts."""
AT_ONCE = 2
"""Few at a time, so that what one takes is its own time."""
WEIGHTS = tuple(step / 10 for step in range(11))
"""Weights of vectors against words that tuning tries."""


@dataclass(frozen=True, slots=True)
class Tuned:
    """What was found on one half of the questions, and what it does to the other half.

    `weight` is of vectors against words; `similarity` the cosine from which a passage is evidence, None
    where the questions do not tell. `tried`: what each weight comes to on the half that is learnt from.
    """

    weight: float
    similarity: float | None
    tried: Mapping[float, Scores]
    before: Scores
    after: Scores


class Evaluation:
    """Asks questions of one generation as the answering worker does, but for the model."""

    def __init__(self, serving: Serving, weighing: Weighing, *, monotonic: Monotonic) -> None:
        self._serving, self._weighing, self._monotonic = serving, weighing, monotonic
        self._standing = Standing()
        self._vectors: dict[str, Vector] = {}

    async def rank(self, questions: Sequence[Expected], *, weight: float) -> Sequence[Ranked]:
        """What each question finds, `weight` being that of vectors against words. Raises as the ports do.

        As in answering, that is what they weigh where the model reads the question's language.
        """
        free = asyncio.Semaphore(AT_ONCE)

        async def one(asked: Expected) -> Ranked:
            async with free:
                return await self._rank(asked, weight)

        return await asyncio.gather(*map(one, questions))

    async def tune(self, questions: Sequence[Expected], *, weight: float) -> Tuned:
        """The best weight, by nDCG@10, and the best threshold on one half, and what they do to the other."""
        learn, test = halves(questions)
        ranked = {candidate: await self.rank(learn, weight=candidate) for candidate in WEIGHTS}
        tried = {candidate: scores(found) for candidate, found in ranked.items()}
        best = max(WEIGHTS, key=lambda candidate: (_ndcg(tried[candidate]), -abs(candidate - weight)))
        similarity = best_threshold(ranked[best])
        before = scores(await self.rank(test, weight=weight))
        tuned = Evaluation(
            self._serving, replace(self._weighing, similarity=similarity), monotonic=self._monotonic
        )
        return Tuned(best, similarity, tried, before, scores(await tuned.rank(test, weight=best)))

    async def _rank(self, asked: Expected, weight: float) -> Ranked:
        began = self._monotonic()
        vector = self._vectors.get(asked.question)
        if vector is None:
            vector = await question_vector(self._serving.embedder, asked.question)
            self._vectors[asked.question] = vector
        language = language_of(asked.question, asked.language)
        query = await search_query(
            self._serving, asked.question, vector, language=language, weight=weight, tenant=asked.tenant,
            principals=asked.principals,
        )  # fmt: skip
        retrieved = await retrieve(
            self._serving.search, query, wanted=DEPTH, overfetch=OVERFETCH, rounds=ROUNDS,
            standing=self._standing,
        )  # fmt: skip
        seconds = self._monotonic() - began
        first = replace(retrieved, found=retrieved.found[:PASSAGES])
        return Ranked(
            asked,
            language,
            tuple(dict.fromkeys(found.head.document_id or "" for found in retrieved.found)),
            max((found.hit.similarity for found in first.found), default=-1.0),
            await self._evidence(asked, language, first),
            seconds,
        )

    async def _evidence(self, asked: Expected, language: str, first: Retrieved) -> bool:
        async def counts(words: Sequence[str]) -> tuple[int, Mapping[str, int]]:
            return await self._serving.search.word_counts(asked.tenant, words)

        model, weighing = self._serving.embedder.model, self._weighing
        return await answerable(asked.question, language, first, counts, model=model, weighing=weighing)


def halves(questions: Sequence[Expected]) -> tuple[Sequence[Expected], Sequence[Expected]]:
    """The questions in two halves, by a hash of their text: the same ones in every run."""
    ordered = sorted(questions, key=lambda one: hashlib.sha256(one.question.encode()).digest())
    return ordered[::2], ordered[1::2]


def _ndcg(found: Scores) -> float:
    return found.ndcg_10 or 0.0
