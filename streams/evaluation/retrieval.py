"""How well questions find the documents that answer them, and are known to have none where there is none."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import TypeVar

from streams.answering.found import Found
from streams.answering.retrieval.embed import question_vector
from streams.answering.retrieval.query import search_query
from streams.answering.retrieval.retrieve import Retrieved, retrieve
from streams.answering.retrieval.searching import Retrieval
from streams.answering.retrieval.standing import Standing
from streams.answering.retrieval.weigh import answerable
from streams.answering.text.language import language_of
from streams.answering.text.screen import screen
from streams.evaluation.expected import PASSAGES, Expected
from streams.evaluation.measures import capped_recall_at
from streams.evaluation.scores import Ranked, Scores, best_threshold, scores
from streams.messages.held import Vector
from streams.ports import Monotonic, SearchQuery, Serving

T = TypeVar("T")

DEEPER = 20
"""Passages that the ranks after those of an answer are taken from: as many as any question may ask for."""
AT_ONCE = 2
"""Few at a time, so that what one takes is its own time."""
UNTIMED_AT_ONCE = 8
WEIGHTS = tuple(step / 10 for step in range(11))
"""Weights of vectors against words that tuning tries."""
NEVER = 2.0
"""More than any cosine."""


@dataclass(frozen=True, slots=True)
class Tuned:
    """What was found on one half of the questions, and what it does to the other half.

    `weight` is of vectors against words; `similarity` the cosine from which a passage is evidence, None
    where none is better than what is set, or the questions do not tell. `tried`: what each weight comes to
    on the half that is learnt from.
    """

    weight: float
    similarity: float | None
    tried: Mapping[float, Scores]
    before: Scores
    after: Scores


@dataclass(frozen=True, slots=True)
class _Searched:
    """A question, screened, and how it is searched for; its language is empty where nothing tells."""

    text: str
    query: SearchQuery
    language: str


class Evaluation:
    """Asks questions of one generation as the answering worker does, but for the model.

    `goes_on`: whether the guard lets a passage through.
    """

    def __init__(
        self,
        serving: Serving,
        retrieval: Retrieval,
        *,
        monotonic: Monotonic,
        goes_on: Callable[[Found], bool] = lambda _: True,
    ) -> None:
        self._serving, self._retrieval = serving, retrieval
        self._monotonic, self._goes_on = monotonic, goes_on
        self._standing = Standing()
        self._vectors: dict[str, Vector] = {}

    async def rank(self, questions: Sequence[Expected], *, weight: float) -> Sequence[Ranked]:
        """What each question finds, `weight` being that of vectors against words. Raises as the ports do.

        As in answering, that is what they weigh where the model reads the question's language.
        """
        return await _each(lambda asked: self._rank(asked, weight), questions, at_once=AT_ONCE)

    async def recall(self, questions: Sequence[Expected], *, weight: float) -> float:
        """Capped recall@5 of what answers would be made from, 0 to 1. Raises as the ports do.

        Of each question's documents, the share that its passages are of; their mean. Capped: of more than
        five documents, five are all that can be found. Questions that nothing answers don't count; without
        any other: 1.
        """

        async def one(asked: Expected) -> float:
            search = await self._search(asked, weight)
            given = _documents((await self._retrieved(search.query, PASSAGES)).found)
            return capped_recall_at(PASSAGES, given, asked.documents)

        told = [asked for asked in questions if asked.documents]
        return fmean(await _each(one, told, at_once=UNTIMED_AT_ONCE)) if told else 1.0

    async def tune(self, questions: Sequence[Expected], *, weight: float) -> Tuned:
        """The best weight, by nDCG@10, and the best threshold on one half, and what they do to the other."""
        learn, test = halves(questions)
        ranked = {candidate: await self.rank(learn, weight=candidate) for candidate in WEIGHTS}
        tried = {candidate: scores(found) for candidate, found in ranked.items()}
        best = max(WEIGHTS, key=lambda candidate: (_ndcg(tried[candidate]), -abs(candidate - weight)))
        similarity = best_threshold(ranked[best])
        before = scores(await self.rank(test, weight=weight))
        weighing = self._retrieval.weighing
        if similarity is not None:
            weighing = replace(weighing, similarity=similarity)
        tuned = Evaluation(
            self._serving, replace(self._retrieval, weighing=weighing), monotonic=self._monotonic,
            goes_on=self._goes_on,
        )  # fmt: skip
        return Tuned(best, similarity, tried, before, scores(await tuned.rank(test, weight=best)))

    async def _rank(self, asked: Expected, weight: float) -> Ranked:
        began = self._monotonic()
        search = await self._search(asked, weight)
        first = await self._retrieved(search.query, PASSAGES)
        seconds = self._monotonic() - began
        deeper = await self._retrieved(search.query, DEEPER)
        return Ranked(
            asked,
            search.language or "en",
            documents=_documents((*first.found, *deeper.found)),
            given=_documents(first.found),
            similarity=max((one.hit.similarity for one in first.found), default=-1.0),
            worded=await self._evidence(search, first, similarity=NEVER),
            evidence=await self._evidence(search, first),
            seconds=seconds,
        )

    async def _search(self, asked: Expected, weight: float) -> _Searched:
        text = screen(asked.question).strip()
        vector = self._vectors.get(text)
        if vector is None:
            vector = self._vectors[text] = await question_vector(self._serving.embedder, text)
        language = language_of(text, asked.language, otherwise="")
        query = await search_query(
            self._serving, text, vector, language=language or "en", weight=weight, tenant=asked.tenant,
            principals=asked.principals,
        )  # fmt: skip
        return _Searched(text, query, language)

    async def _retrieved(self, query: SearchQuery, wanted: int) -> Retrieved:
        """What an answer is made from where `wanted` passages are asked for."""
        retrieved = await retrieve(
            self._serving.search,
            query,
            wanted=wanted,
            overfetch=self._retrieval.overfetch,
            rounds=self._retrieval.rounds,
            standing=self._standing,
            goes_on=self._goes_on,
        )
        return replace(retrieved, found=tuple(filter(self._goes_on, retrieved.found)))

    async def _evidence(
        self, search: _Searched, first: Retrieved, *, similarity: float | None = None
    ) -> bool:
        async def counts(words: Sequence[str]) -> tuple[int, Mapping[str, int]]:
            return await self._serving.search.word_counts(search.query.tenant, words)

        model, weighing = self._serving.embedder.model, self._retrieval.weighing
        if similarity is not None:
            weighing = replace(weighing, similarity=similarity)
        return await answerable(search.text, search.language, first, counts, model=model, weighing=weighing)


def _documents(found: Iterable[Found]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one.head.document_id or "" for one in found))


async def _each(
    one: Callable[[Expected], Awaitable[T]], questions: Sequence[Expected], *, at_once: int
) -> Sequence[T]:
    free = asyncio.Semaphore(at_once)

    async def in_turn(asked: Expected) -> T:
        async with free:
            return await one(asked)

    return await asyncio.gather(*map(in_turn, questions))


def halves(questions: Sequence[Expected]) -> tuple[Sequence[Expected], Sequence[Expected]]:
    """The questions in two halves, by a hash of their text: the same ones in every run.

    Half of each language's that something answers, and of those that nothing does, are in each. A text that
    several ask, each with his own rights, is in one half alone: what is learnt there is not tested there.
    """
    asked: dict[tuple[str, str], list[Expected]] = {}
    for one in questions:
        asked.setdefault((language_of(one.question, one.language), one.question), []).append(one)

    def place(text: tuple[str, str]) -> tuple[str, bool, bytes]:
        unanswered = not any(one.documents for one in asked[text])
        return text[0], unanswered, hashlib.sha256(text[1].encode()).digest()

    ordered = sorted(asked, key=place)
    first, second = ordered[::2], ordered[1::2]
    return [one for text in first for one in asked[text]], [one for text in second for one in asked[text]]


def _ndcg(found: Scores) -> float:
    return found.ndcg_10 or 0.0
