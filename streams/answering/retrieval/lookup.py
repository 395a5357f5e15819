"""Lookup: all that an answer needs to know before a word of it is written, or why there will be none."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from streams.answering.found import Found
from streams.answering.guard.inspect import Guard, Inspected
from streams.answering.no_answer import NoAnswer, late, named
from streams.answering.retrieval.embed import Embedding
from streams.answering.retrieval.followup import after, earlier, leans_on, may_lean
from streams.answering.retrieval.freshness import Freshness
from streams.answering.retrieval.retrieve import Retrieved, outdated
from streams.answering.retrieval.rewrite import Rewriter
from streams.answering.retrieval.searching import Retrieval, Searching
from streams.answering.retrieval.standing import Standing
from streams.answering.retrieval.watermark import Watermark
from streams.answering.retrieval.weigh import answerable
from streams.answering.text.language import Language, language_of, spoken
from streams.answering.text.screen import screen
from streams.answering.text.words import stems
from streams.answering.waiting.anteroom import Anteroom
from streams.answering.waiting.beside import beside
from streams.answering.waiting.deadline import Deadline
from streams.answering.waiting.patience import Patience
from streams.errors import StreamsError
from streams.messages.answers import Guarded
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

CHECK_S = 0.15
"""How long it may take to see whether what was found still counts."""


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
        self._serve, self._rewriter, self._weighing = serve, rewriter, settings.weighing
        self._standing, self._observe = Standing(), observe
        self._patience = Patience(settings.try_s, monotonic, observe)
        self._watermark = Watermark(watermarks, self._patience, monotonic)
        self._searching = Searching(
            serve,
            Embedding(self._patience, monotonic=monotonic, observe=observe),
            settings,
            standing=self._standing,
            goes_on=self._guard.lets_through,
            patience=self._patience,
            observe=observe,
        )

    async def wait(self, asked: Asked, deadline: Deadline, room: Anteroom) -> Freshness | None:
        """How far the index is, once it has dealt with what the question demands; None: it demands nothing.

        Only who has to wait takes a place in the `room`. Raises `NoAnswer` where there is none, where the
        index is not so far in time or the question is too late or empty, and `Misconfigured` from a
        dependency.
        """
        with named():
            if deadline.left_s <= 0:
                raise late()
            if not screen(asked.question.text).strip():
                raise NoAnswer("invalid_question", "The question holds no text.", retryable=False)
            return await self._watermark.demanded(asked, deadline, room) if asked.question.after else None

    async def look(self, asked: Asked, fresh: Freshness | None, deadline: Deadline) -> Looked:
        """What there is for the question now. Raises as `wait`.

        `fresh`, read here where it was not before, is older than the search: what it says is applied is in
        what that finds.
        """
        text = screen(asked.question.text).strip()
        with named():
            async with beside(self._watermark.known(asked.question, deadline, fresh)) as known:
                alone = await self._alone(text, asked.question, deadline)
                serving, vector = await self._searching.embedded(alone, deadline)
                fresh = await known
            looked = await self._looked(asked, text, alone, serving, vector, fresh, deadline)
            if looked.evidence or alone != text or not _may_lean(text, asked.question):
                return looked
            # "Who approves requests?" has no answer as it stands: perhaps it is the last one's second half.
            alone = after(text, asked.question.history)
            serving, vector = await self._searching.embedded(alone, deadline)
            again = await self._looked(asked, text, alone, serving, vector, fresh, deadline)
            return again if again.evidence and _speak_of(again.found, text) else looked

    async def _looked(
        self,
        asked: Asked,
        text: str,
        alone: str,
        serving: Serving,
        vector: Vector | None,
        fresh: Freshness,
        deadline: Deadline,
    ) -> Looked:
        """What there is for `alone`. Raises `NoAnswer` where the guard refuses."""
        found = await self._searching.found(serving, vector, asked, alone, deadline)
        serving, query, retrieved, by_words = found
        inspected = _admitted(self._guard.inspect(asked, retrieved.found))
        retrieved = replace(retrieved, found=inspected.passages)
        language = spoken(text, asked.question.language, [one.hit.text for one in retrieved.found])
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

    async def _alone(self, text: str, question: Question, deadline: Deadline) -> str:
        """What to search for: the question, made to stand alone."""
        if self._rewriter is None or not leans_on(text, question.history):
            return text
        with deadline.measured("rewritten"):
            return await self._rewriter.standalone(text, question.history, deadline.left_s)

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
        language = language_of(text, asked.question.language, otherwise="")

        async def counts(words: Sequence[str]) -> tuple[int, Mapping[str, int]]:
            return await self._patience(
                "search", lambda: serving.search.word_counts(asked.tenant, words), deadline.until
            )

        model, weighing = serving.embedder.model, self._weighing
        return await answerable(
            text, language, retrieved, counts, model=model, weighing=weighing, by_words=by_words
        )


def _speak_of(found: Sequence[Found], text: str) -> bool:
    """Whether a passage has a word of the question itself: else it is about the one before, and no more."""
    asked = stems(text)
    return any(asked & stems(f"{one.hit.title} {one.hit.text}") for one in found)


def _may_lean(text: str, question: Question) -> bool:
    return may_lean(text) and bool(earlier(question.history))


def _admitted(inspected: Inspected) -> Inspected:
    """Raises `NoAnswer` where there must be no answer."""
    if inspected.refusal:
        raise NoAnswer("refused", inspected.refusal, retryable=False, guard=inspected.report)
    return inspected
