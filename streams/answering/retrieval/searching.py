"""Searching: a question's vector, and what the live generation of the index gives for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from streams.answering.found import Found
from streams.answering.retrieval.embed import Embedding
from streams.answering.retrieval.evidence import Weighing
from streams.answering.retrieval.query import search_query
from streams.answering.retrieval.retrieve import Retrieved, retrieve
from streams.answering.retrieval.standing import Standing
from streams.answering.text.language import language_of
from streams.answering.waiting.deadline import Deadline
from streams.answering.waiting.patience import Patience
from streams.messages.changes import metadata_pairs
from streams.messages.held import Vector
from streams.messages.questions import Asked
from streams.ports import Observed, Observer, Search, SearchQuery, Serve, Serving

READ_SHARE = 0.1
"""Of what is left of the deadline, what it may take to find out whether the embedder reads a language."""


@dataclass(frozen=True, slots=True)
class Retrieval:
    """How to search. `alpha`, `overfetch` and `rounds` are those of `SearchQuery` and `retrieve`.

    A call to a dependency that takes longer than `try_s` seconds is made again.
    """

    alpha: float = 0.5
    overfetch: int = 4
    rounds: int = 5
    try_s: float = 5.0
    weighing: Weighing = field(default_factory=Weighing)


class Searching:
    """Embeds and retrieves, each within what is left of the deadline.

    `goes_on` tells the passages that may be answered from; `standing` is kept from question to question.
    """

    def __init__(
        self,
        serve: Serve,
        embedding: Embedding,
        settings: Retrieval,
        *,
        standing: Standing,
        goes_on: Callable[[Found], bool],
        patience: Patience,
        observe: Observer,
    ) -> None:
        self._serve, self._embedding, self._settings = serve, embedding, settings
        self._standing, self._goes_on = standing, goes_on
        self._patience, self._observe = patience, observe

    async def embedded(self, alone: str, deadline: Deadline) -> tuple[Serving, Vector | None]:
        """The live generation, and the question's vector in it, if that is there in time."""
        serving = await self._patience("search", self._serve, deadline.until)
        with deadline.measured("embedded"):
            return serving, await self._embedding.vector(serving.embedder, alone, deadline.left_s)

    async def found(
        self, serving: Serving, vector: Vector | None, asked: Asked, alone: str, deadline: Deadline
    ) -> tuple[Serving, SearchQuery, Retrieved, bool]:
        """What the live generation gives, and that one, and whether it was searched by words alone.

        Another one where it is not the live one by the end: what is acknowledged by now may have gone to that
        one alone, while a model or the store was waited for.
        """
        while True:
            query, retrieved = await self._retrieved(serving, vector, asked, alone, deadline)
            now = await self._patience("search", self._serve, deadline.until)
            if now.search is serving.search:
                return serving, query, retrieved, vector is None
            serving, vector = await self.embedded(alone, deadline)

    async def _retrieved(
        self, serving: Serving, vector: Vector | None, asked: Asked, alone: str, deadline: Deadline
    ) -> tuple[SearchQuery, Retrieved]:
        language = language_of(alone, asked.question.language)
        query = await search_query(
            serving,
            alone,
            vector or _any_vector(serving),
            language=language,
            weight=0.0 if vector is None else self._settings.alpha,
            tenant=asked.tenant,
            principals=asked.question.principals,
            filters=metadata_pairs(asked.question.filters),
            within_s=READ_SHARE * max(0.0, deadline.left_s),
        )
        with deadline.measured("retrieved"):
            retrieved = await self._patience(
                "search", lambda: self._retrieve(serving.search, query, asked.question.top_k), deadline.until
            )
        self._observe(Observed("answer_superseded_hits", float(len(retrieved.superseded))))
        return query, retrieved

    async def _retrieve(self, search: Search, query: SearchQuery, wanted: int) -> Retrieved:
        settings = self._settings
        return await retrieve(
            search,
            query,
            wanted=wanted,
            overfetch=settings.overfetch,
            rounds=settings.rounds,
            standing=self._standing,
            goes_on=self._goes_on,
        )


def _any_vector(serving: Serving) -> Vector:
    """For a search that must have one, and that it does not count in."""
    return [1.0] + [0.0] * (serving.embedder.dimension - 1)
