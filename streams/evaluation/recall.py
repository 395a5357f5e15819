"""How well a generation of the index finds what questions are about."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from streams.answering.retrieval.embed import question_vector
from streams.answering.retrieval.query import search_query
from streams.answering.retrieval.retrieve import retrieve
from streams.answering.retrieval.standing import Standing
from streams.answering.text.language import language_of
from streams.evaluation.measures import capped_recall_at
from streams.messages.changes import DEFAULT_TENANT
from streams.messages.questions import DEFAULT_TOP_K
from streams.ports import Serving

PASSAGES = DEFAULT_TOP_K
"""Passages that an answer is made from, unless its question says otherwise."""
AT_ONCE = 8
OVERFETCH, ROUNDS = 4, 5


@dataclass(frozen=True, slots=True)
class Expected:
    """A question, and the ids of the documents that answer it (none: nothing in the index does).

    Asked by somebody with these principals; `language` is a BCP 47 tag, None to guess it.
    """

    question: str
    documents: frozenset[str]
    tenant: str = DEFAULT_TENANT
    principals: tuple[str, ...] = ()
    language: str | None = None


async def recall(serving: Serving, questions: Sequence[Expected], *, alpha: float) -> float:
    """Capped recall@5, 0 to 1: of each question's documents, the share that its passages are of; their mean.

    Capped: of more than five documents, five are all that can be found. `alpha` weighs vectors against words
    where the model reads the question's language. Questions that nothing answers don't count; without any
    other: 1. Raises as the ports do.
    """
    free, standing = asyncio.Semaphore(AT_ONCE), Standing()

    async def one(asked: Expected) -> float:
        async with free:
            return await _found(serving, asked, alpha, standing)

    shares = await asyncio.gather(*(one(asked) for asked in questions if asked.documents))
    return sum(shares) / len(shares) if shares else 1.0


async def _found(serving: Serving, asked: Expected, alpha: float, standing: Standing) -> float:
    language = language_of(asked.question, asked.language)
    vector = await question_vector(serving.embedder, asked.question)
    query = await search_query(
        serving,
        asked.question,
        vector,
        language=language,
        weight=alpha,
        tenant=asked.tenant,
        principals=asked.principals,
    )
    retrieved = await retrieve(
        serving.search, query, wanted=PASSAGES, overfetch=OVERFETCH, rounds=ROUNDS, standing=standing
    )
    named = [found.head.document_id or "" for found in retrieved.found]
    return capped_recall_at(PASSAGES, named, asked.documents)
