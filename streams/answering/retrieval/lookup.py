"""Lookup: all that an answer needs to know before a word of it is written, or why there will be none."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TypeVar

from streams.answering.found import Found
from streams.answering.guard.inspect import Guard, Inspected
from streams.answering.retrieval.embed import Embedding
from streams.answering.retrieval.evidence import Weighing
from streams.answering.retrieval.followup import leans_on
from streams.answering.retrieval.freshness import Freshness, freshness
from streams.answering.retrieval.query import search_query
from streams.answering.retrieval.retrieve import Retrieved, outdated, retrieve
from streams.answering.retrieval.rewrite import Rewriter
from streams.answering.retrieval.standing import Standing
from streams.answering.retrieval.weigh import answerable
from streams.answering.text.language import Language, guess, language_of
from streams.answering.text.screen import screen
from streams.answering.waiting.anteroom import Anteroom, TooMany
from streams.answering.waiting.beside import beside
from streams.answering.waiting.deadline import Deadline
from streams.answering.waiting.persist import persist
from streams.errors import Rejected, Retryable, StreamsError
from streams.messages.answers import FailureCode, Guarded
from streams.messages.changes import metadata_pairs
from streams.messages.held import Vector
from streams.messages.questions import Asked, Question
from streams.messages.records import Offset
from streams.ports import (
    Monotonic,
    Observed,
    Observer,
    Search,
    SearchQuery,
    Serve,
    Serving,
    Watermarks,
    unobserved,
)

T = TypeVar("T")

TOLD_S = 1.5
"""How long the watermark may take to be told where an answer does not depend on it."""
CHECK_S = 0.15
"""How long it may take to see whether what was found still counts."""
READ_SHARE = 0.1
"""Of what is left of the deadline, what it may take to find out whether the embedder reads a language."""

MANY_WAIT = "Too many questions wait for the index already; ask again, or without `after`."


class NoAnswer(Exception):
    """The question ends in `answer.failed`; the message is for whoever asked.

    `guard`: what the guard found, where that is why.
    """

    def __init__(
        self, code: FailureCode, message: str, *, retryable: bool, guard: Guarded | None = None
    ) -> None:
        super().__init__(message)
        self.code: FailureCode = code
        self.message = message
        self.retryable = retryable
        self.guard = guard


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


@dataclass(frozen=True, slots=True)
class Looked:
    """What was found. `text` is the question, screened; `evidence`: whether it can be answered.

    `alone` is the question made to stand alone, where it leans on what was said before it. `guarded`: what
    the guard says about the question and what was found for it. `search` and `query` are those that found it.
    `by_words`: by the question's words alone, as it had no vector in time.
    """

    search: Search
    query: SearchQuery
    text: str
    alone: str
    language: Language
    found: tuple[Found, ...]
    evidence: bool
    watermark: tuple[Offset, ...]
    stale: bool
    guarded: Guarded | None = None
    by_words: bool = False


class Lookup:
    """Waits for the index, embeds, retrieves and weighs, each within what is left of the deadline."""

    def __init__(
        self,
        serve: Serve,
        watermarks: Watermarks,
        settings: Retrieval,
        monotonic: Monotonic,
        observe: Observer = unobserved,
        guard: Guard | None = None,
        rewriter: Rewriter | None = None,
    ) -> None:
        self._guard = guard or Guard("off")
        self._serve = serve
        self._rewriter = rewriter
        self._standing = Standing()
        self._watermarks = watermarks
        self._settings = settings
        self._monotonic = monotonic
        self._observe = observe
        self._embedding = Embedding(try_s=settings.try_s, monotonic=monotonic, observe=observe)

    async def wait(self, asked: Asked, deadline: Deadline, room: Anteroom) -> Freshness | None:
        """How far the index is, once it has dealt with what the question demands; None: it demands nothing.

        Only who has to wait takes a place in the `room`. Raises `NoAnswer` where there is none, where the
        index is not so far in time or the question is too late or empty, and `Misconfigured` from a
        dependency.
        """
        with _named():
            if deadline.left_s <= 0:
                raise _late()
            if not screen(asked.question.text).strip():
                raise NoAnswer("invalid_question", "The question holds no text.", retryable=False)
            return await self._fresh(asked, deadline, room) if asked.question.after else None

    async def look(self, asked: Asked, fresh: Freshness | None, deadline: Deadline) -> Looked:
        """What there is for the question now. Raises as `wait`.

        `fresh`, read here where it was not before, is older than the search: what it says is applied is in
        what that finds.
        """
        text = screen(asked.question.text).strip()
        with _named():
            async with beside(self._known(asked.question, deadline, fresh)) as known:
                alone = await self._alone(text, asked.question, deadline)
                serving, vector = await self._embedded(alone, deadline)
                fresh = await known
            serving, query, retrieved, by_words = await self._found(serving, vector, asked, alone, deadline)
            inspected = _admitted(self._guard.inspect(asked, retrieved.found))
            retrieved = replace(retrieved, found=inspected.passages)
            language = guess(text, asked.question.language)
            evidence = await self._evidence(serving, asked, alone, retrieved, deadline, by_words=by_words)
            return Looked(
                serving.search, query, text, alone, language, retrieved.found, evidence, fresh.watermark,
                fresh.stale, inspected.report, by_words,
            )  # fmt: skip

    async def outdated(
        self, looked: Looked, passages: Sequence[Found], deadline: Deadline
    ) -> tuple[int, ...] | None:
        """Numbers of the passages that stopped counting since they were found; None where it can't be told.

        A generation that is live no more does not say what changed since. It takes at most half of what is
        left, what is kept for the terminal event's way included.
        """
        if not passages:
            return ()
        try:
            async with asyncio.timeout(min(CHECK_S, deadline.whole_left_s / 2)):
                if (await self._serve()).search is looked.search:
                    return await outdated(looked.search, looked.query, passages, self._standing)
        except (TimeoutError, StreamsError):
            pass
        self._observe(Observed("answer_checks_failed"))
        return None

    async def _fresh(self, asked: Asked, deadline: Deadline, room: Anteroom) -> Freshness:
        with deadline.measured("waited"):
            fresh = await self._reached(asked, deadline, room)
        if fresh.stale and not asked.question.allow_stale:
            raise _stale(never=fresh.never)
        return fresh

    async def _reached(self, asked: Asked, deadline: Deadline, room: Anteroom) -> Freshness:
        """How far the index is, once it is far enough or there is no more time, or room, to wait."""
        question, now = asked.question, self._monotonic()
        until = deadline.until - _reserve(deadline.left_s, allow_stale=question.allow_stale)
        told_by = until if question.allow_stale else deadline.until
        first = await self._read(question, deadline, until=now, told_by=min(now + TOLD_S, told_by))
        if first.never or not first.stale:
            return first
        try:
            with room.enter(asked.tenant):
                return await self._read(
                    question, deadline, until=until, told_by=told_by, untold=question.allow_stale,
                    told=first.watermark,
                )  # fmt: skip
        except TooMany:
            if question.allow_stale:
                return first
            raise NoAnswer("unavailable", MANY_WAIT, retryable=True) from None

    async def _known(self, question: Question, deadline: Deadline, fresh: Freshness | None) -> Freshness:
        """How far the index is: `fresh`, where that was asked for already."""
        if fresh is not None:
            return fresh
        now, told_by = self._monotonic(), deadline.until
        if question.allow_stale:
            told_by = min(now + TOLD_S, told_by - _reserve(deadline.left_s, allow_stale=True))
        return await self._read(question, deadline, until=now, told_by=told_by, untold=question.allow_stale)

    async def _read(
        self,
        question: Question,
        deadline: Deadline,
        *,
        until: float,
        told_by: float,
        untold: bool = True,
        told: tuple[Offset, ...] = (),
    ) -> Freshness:
        """As `freshness`, where Kafka is asked again and again until `told_by`."""

        async def read() -> Sequence[Offset]:
            return await self._persist("watermark", self._watermarks.applied, deadline, until=told_by)

        async def unreachable() -> Sequence[Offset]:
            return await self._persist(
                "watermark", lambda: self._watermarks.unreachable(question.after), deadline, until=told_by
            )

        return await freshness(
            read, unreachable, question.after, until=until, monotonic=self._monotonic, untold=untold,
            told=told,
        )  # fmt: skip

    async def _alone(self, text: str, question: Question, deadline: Deadline) -> str:
        """What to search for: the question, made to stand alone."""
        if self._rewriter is None or not leans_on(text, question.history):
            return text
        with deadline.measured("rewritten"):
            return await self._rewriter.standalone(text, question.history, deadline.left_s)

    async def _embedded(self, alone: str, deadline: Deadline) -> tuple[Serving, Vector | None]:
        """The live generation, and the question's vector in it, if that is there in time."""
        serving = await self._persist("search", self._serve, deadline)
        with deadline.measured("embedded"):
            return serving, await self._embedding.vector(serving.embedder, alone, deadline.left_s)

    async def _found(
        self, serving: Serving, vector: Vector | None, asked: Asked, alone: str, deadline: Deadline
    ) -> tuple[Serving, SearchQuery, Retrieved, bool]:
        """What the live generation gives, and that one, and whether it was searched by words alone.

        Another one where it is not the live one by the end: what is acknowledged by now may have gone to that
        one alone, while a model or the store was waited for.
        """
        while True:
            query, retrieved = await self._retrieved(serving, vector, asked, alone, deadline)
            now = await self._persist("search", self._serve, deadline)
            if now.search is serving.search:
                return serving, query, retrieved, vector is None
            serving, vector = await self._embedded(alone, deadline)

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
            retrieved = await self._persist(
                "search", lambda: self._retrieve(serving.search, query, asked.question.top_k), deadline
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
            goes_on=self._guard.lets_through,
        )

    async def _evidence(
        self,
        serving: Serving,
        asked: Asked,
        text: str,
        retrieved: Retrieved,
        deadline: Deadline,
        *,
        by_words: bool,
    ) -> bool:
        language = language_of(text, asked.question.language)

        async def counts(words: Sequence[str]) -> tuple[int, Mapping[str, int]]:
            return await self._persist(
                "search", lambda: serving.search.word_counts(asked.tenant, words), deadline
            )

        model, weighing = serving.embedder.model, self._settings.weighing
        return await answerable(
            text, language, retrieved, counts, model=model, weighing=weighing, by_words=by_words
        )

    async def _persist(
        self,
        step: str,
        call: Callable[[], Awaitable[T]],
        deadline: Deadline,
        *,
        until: float | None = None,
    ) -> T:
        return await persist(
            call,
            step=step,
            until=deadline.until if until is None else until,
            try_s=self._settings.try_s,
            monotonic=self._monotonic,
            observe=self._observe,
        )


@contextmanager
def _named() -> Iterator[None]:
    """Raises what dependencies raise as what it means to who asked."""
    try:
        yield
    except Retryable as failure:
        if failure.code == "deadline_exceeded":
            raise _late() from failure
        raise NoAnswer(
            "unavailable", "The index can't be reached at the moment; ask again later.", retryable=True
        ) from failure
    except Rejected as failure:
        raise NoAnswer("invalid_question", str(failure), retryable=False) from failure


def _any_vector(serving: Serving) -> Vector:
    """For a search that must have one, and that it does not count in."""
    return [1.0] + [0.0] * (serving.embedder.dimension - 1)


def _admitted(inspected: Inspected) -> Inspected:
    """Raises `NoAnswer` where there must be no answer."""
    if inspected.refusal:
        raise NoAnswer("refused", inspected.refusal, retryable=False, guard=inspected.report)
    return inspected


def _late() -> NoAnswer:
    return NoAnswer(
        "deadline_exceeded", "The deadline came before there was an answer; ask again.", retryable=True
    )


def _stale(*, never: bool) -> NoAnswer:
    if never:
        message = "No source has the topic or the partition that `after` names; name what `put` returned."
    else:
        message = (
            "The index has not dealt with all of `after` in time; ask again, give the question a later "
            "deadline, or allow a stale answer."
        )
    return NoAnswer("stale_index", message, retryable=not never)


def _reserve(left_s: float, *, allow_stale: bool) -> float:
    """Seconds to keep for the answer itself while waiting: half where there will be one in any case."""
    return left_s / 2 if allow_stale else min(0.5, left_s / 10)
