"""The conductor: a question in, its events out, one terminal event by the deadline whatever fails."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, replace

from streams.answering.circuit import Circuit
from streams.answering.deadline import Deadline
from streams.answering.evidence import Weighing
from streams.answering.extract import extract
from streams.answering.freshness import Freshness
from streams.answering.generate import Limits, StopReason, Unfinished, generate
from streams.answering.ground import attribution, citations, grounded
from streams.answering.language import phrases
from streams.answering.lookup import Looked, Lookup, NoAnswer, Retrieval
from streams.answering.markers import Markers
from streams.answering.pace import Pace
from streams.answering.prompt import MINIMUM_TOKENS, Prompt, brief, prompt
from streams.answering.retrieve import Found
from streams.answering.route import Choice, Models, choose, first_token_limit
from streams.answering.screen import well_formed
from streams.answering.transcript import Outcome, Transcript
from streams.answering.turnstile import Full, Turnstile
from streams.errors import Misconfigured
from streams.messages.answers import (
    AnswerCompleted,
    AnswerDelta,
    AnswerFailed,
    AnswerReset,
    AnswerStarted,
    Usage,
)
from streams.messages.questions import Asked
from streams.ports import (
    ChatChunk,
    ChatRequest,
    Generator,
    Monotonic,
    Now,
    Observed,
    Observer,
    Serve,
    Watermarks,
    unobserved,
)

_NO_USAGE = Usage()

Event = AnswerStarted | AnswerDelta | AnswerReset | AnswerCompleted | AnswerFailed


@dataclass(frozen=True, slots=True)
class Answering:
    """How questions are answered. Names in `_s` are seconds; tokens are the model's.

    `primary_first_token_s`, `fallback_first_token_s`: what each model is taken to need to its first token,
    until that is learnt (see `Pace`); with less left it is not asked. `slots` replies are generated at a
    time; `ahead` more questions are looked up meanwhile, so that a slot that falls free is taken at once.
    `margin_s` is kept of the deadline for the terminal event's way.
    `similarity_threshold` None: by the embedding model; the `rare_word_…`
    are those of `Weighing`.
    `alpha` weighs vectors against words: with MiniLM, .3 was best or nearly so in English and in French.
    `brief_prompt`: for models too small to follow instructions, see `brief`.
    `min_grounded`: a model's answer that is grounded less is replaced by an extract; 0 for never.
    The circuit opens after `circuit_failures` in a row and tries again every `circuit_open_s`.
    """

    generate_model: str
    fallback_model: str
    temperature: float = 0.0
    num_ctx: int = 8192
    max_answer_tokens: int = 512
    slots: int = 4
    ahead: int = 1
    first_token_timeout_s: float = 10.0
    token_timeout_s: float = 5.0
    primary_first_token_s: float = 1.0
    fallback_first_token_s: float = 0.3
    margin_s: float = 0.2
    coalesce_ms: float = 50.0
    similarity_threshold: float | None = None
    rare_word_share: float = 0.01
    rare_word_coverage: float = 0.5
    alpha: float = 0.3
    overfetch: int = 4
    search_rounds: int = 5
    search_try_s: float = 5.0
    min_grounded: float = 0.0
    brief_prompt: bool = False
    circuit_failures: int = 3
    circuit_open_s: float = 30.0

    def __post_init__(self) -> None:
        """Raises `Misconfigured` where an answer leaves no room for a prompt."""
        if self.prompt_tokens < MINIMUM_TOKENS:
            raise Misconfigured(
                f"num_ctx ({self.num_ctx}) must be at least {MINIMUM_TOKENS} more than max_answer_tokens "
                f"({self.max_answer_tokens}): the room for a prompt",
                setting="NUM_CTX",
            )

    @property
    def prompt_tokens(self) -> int:
        """What the window leaves for a prompt."""
        return self.num_ctx - self.max_answer_tokens

    @property
    def retrieval(self) -> Retrieval:
        """The part that is about finding passages."""
        weighing = Weighing(self.similarity_threshold, self.rare_word_share, self.rare_word_coverage)
        return Retrieval(self.alpha, self.overfetch, self.search_rounds, self.search_try_s, weighing)


@dataclass(frozen=True, slots=True)
class _Job:
    """One question on its way: what is known, what was built from it."""

    asked: Asked
    looked: Looked
    prompt: Prompt
    deadline: Deadline
    transcript: Transcript


class Answerer:
    """Answers questions from the documents as they are now."""

    def __init__(
        self,
        serve: Serve,
        generator: Generator,
        watermarks: Watermarks,
        settings: Answering,
        now: Now,
        monotonic: Monotonic,
        observe: Observer = unobserved,
    ) -> None:
        self._lookup = Lookup(serve, watermarks, settings.retrieval, monotonic, observe)
        self._generator = generator
        self._settings = settings
        self._now = now
        self._monotonic = monotonic
        self._observe = observe
        self._circuit = Circuit(
            failures=settings.circuit_failures, open_s=settings.circuit_open_s, monotonic=monotonic
        )
        self._turnstile = Turnstile(settings.slots + settings.ahead, monotonic=monotonic)
        self._slots = asyncio.Semaphore(settings.slots)
        self._pace = Pace(
            {
                settings.fallback_model: settings.fallback_first_token_s,
                settings.generate_model: settings.primary_first_token_s,
            },
            monotonic=monotonic,
        )

    async def answer(
        self, asked: Asked, *, attempt: int = 1, resumed: bool = False
    ) -> AsyncGenerator[Event, None]:
        """The question's events from `attempt` on, as the contract orders them; the last one is terminal.

        `resumed`: a worker that is gone had begun before; attempts over 1 always are. Closing the iterator
        (`contextlib.aclosing`) or cancelling its task stops the model's work; one that is dropped unclosed
        goes on until it is collected. Raises `Misconfigured` alone, before any event.
        """
        transcript = Transcript(asked, attempt=attempt, resumed=resumed, now=self._now)
        async with aclosing(self._events(asked, transcript)) as events:
            async for event in events:
                if asked.question.stream or isinstance(event, AnswerCompleted | AnswerFailed):
                    yield event

    async def _events(self, asked: Asked, transcript: Transcript) -> AsyncGenerator[Event, None]:
        deadline = Deadline(asked, now=self._now, monotonic=self._monotonic, margin_s=self._settings.margin_s)
        try:
            # Outside the turnstile: who waits for the index keeps no place.
            fresh = await self._lookup.wait(asked, deadline)
            async with (
                self._turnstile.enter(asked.tenant, deadline.left_s),
                aclosing(self._answered(asked, fresh, deadline, transcript)) as events,
            ):
                async for event in events:
                    yield event
        except Full as full:
            message = f"Too many questions wait; ask again in {math.ceil(full.retry_after_s)} s."
            yield self._failed(transcript, NoAnswer("unavailable", message, retryable=True))
        except NoAnswer as failure:
            yield self._failed(transcript, failure)

    def _failed(self, transcript: Transcript, failure: NoAnswer) -> AnswerFailed:
        self._observe(Observed("answer_failures", labels={"code": failure.code}))
        return transcript.failed(failure.code, failure.message, retryable=failure.retryable)

    async def _answered(
        self, asked: Asked, fresh: Freshness, deadline: Deadline, transcript: Transcript
    ) -> AsyncGenerator[Event, None]:
        looked = await self._lookup.look(asked, fresh, deadline)
        job = _Job(asked, looked, self._prompt(asked, looked), deadline, transcript)
        async with aclosing(self._respond(job) if looked.evidence else self._abstain(job)) as events:
            async for event in events:
                yield event

    def _prompt(self, asked: Asked, looked: Looked) -> Prompt:
        budget = self._settings.prompt_tokens
        if self._settings.brief_prompt and looked.found:
            made = brief(looked.text, looked.found, budget=budget)
        else:
            question = asked.question
            made = prompt(
                looked.text, looked.found, budget=budget, history=question.history, language=question.language
            )
        if made.cut:
            self._observe(Observed("answer_prompts_cut"))
        return made

    async def _abstain(self, job: _Job) -> AsyncGenerator[Event, None]:
        choice = Choice("none", None, "no_evidence")
        yield job.transcript.opened(choice, [], job.looked.watermark)
        yield job.transcript.delta(phrases(job.looked.language).abstention)
        yield self._completed(job, choice, ())

    async def _respond(self, job: _Job) -> AsyncGenerator[Event, None]:
        async with self._slot(job.deadline):
            choice = self._first_choice(job.deadline)
            shown = citations(self._sources(job, choice), job.looked.text)
            yield job.transcript.opened(choice, shown, job.looked.watermark)
            while choice.model is not None:
                usage = Usage()
                try:
                    async with aclosing(self._reply(job, choice)) as chunks:
                        async for chunk in chunks:
                            if chunk.text:
                                yield job.transcript.delta(chunk.text)
                            usage = _usage(chunk)
                    support = self._support(job)
                except Unfinished as failure:
                    choice, reason = self._next_choice(choice, failure.reason, job.deadline), failure.reason
                    yield self._reset(job, reason, choice)
                else:
                    yield self._completed(job, choice, job.prompt.passages, usage=usage, support=support)
                    return
        yield job.transcript.delta(extract(job.looked.found, job.looked.text, job.looked.language))
        yield self._completed(job, choice, job.looked.found)

    @asynccontextmanager
    async def _slot(self, deadline: Deadline) -> AsyncGenerator[None, None]:
        """A slot for generating, or none where the deadline comes first: no model is asked then anyway."""
        try:
            async with asyncio.timeout(max(deadline.left_s, 0.0)):
                await self._slots.acquire()
        except TimeoutError:
            yield
            return
        try:
            yield
        finally:
            self._slots.release()

    async def _reply(self, job: _Job, choice: Choice) -> AsyncGenerator[ChatChunk, None]:
        """One model's reply with its markers made regular. Raises `Unfinished`."""
        began, markers = self._monotonic(), Markers(len(job.prompt.passages))
        job.deadline.spent("first_token", None)
        try:
            async with aclosing(self._generate(job, choice)) as chunks:
                async for chunk in chunks:
                    if chunk.text and not job.deadline.has("first_token"):
                        job.deadline.spent("first_token", self._monotonic() - began)
                        self._pace.took(choice.model or "", self._monotonic() - began)
                    yield _regular(chunk, markers, job)
        except Unfinished as failure:
            if choice.route == "primary" and failure.reason in {"timeout", "error"}:
                self._circuit.failed()
            if failure.reason in {"timeout", "deadline"} and not job.deadline.has("first_token"):
                self._pace.took(choice.model or "", self._monotonic() - began)
            raise
        if choice.route == "primary":
            self._circuit.succeeded()
        job.deadline.spent("generated", self._monotonic() - began)

    def _generate(self, job: _Job, choice: Choice) -> AsyncGenerator[ChatChunk, None]:
        settings, left_s = self._settings, job.deadline.left_s
        request = ChatRequest(
            model=choice.model or "",
            messages=job.prompt.messages,
            temperature=settings.temperature,
            num_ctx=settings.num_ctx,
            max_tokens=settings.max_answer_tokens,
        )
        limits = Limits(
            first_token_s=settings.first_token_timeout_s,
            hurry_s=first_token_limit(self._models, choice, left_s=left_s),
            token_s=settings.token_timeout_s,
            coalesce_s=settings.coalesce_ms / 1000,
            until=job.deadline.until,
        )
        return generate(self._generator, request, limits, self._monotonic)

    def _support(self, job: _Job) -> float:
        """How well the finished reply is grounded. Raises `Unfinished` where that is too little."""
        support = grounded(job.transcript.text, job.prompt.passages, job.looked.text)
        if support < self._settings.min_grounded:
            raise Unfinished("ungrounded", "the reply is not what the passages say")
        return support

    @property
    def _models(self) -> Models:
        """The models to route between, and how fast they are at present."""
        primary, fallback = self._settings.generate_model, self._settings.fallback_model
        return Models(primary, fallback, self._pace.usual_s(primary), self._pace.usual_s(fallback))

    def _sources(self, job: _Job, choice: Choice) -> Sequence[Found]:
        return job.looked.found if choice.model is None else job.prompt.passages

    def _first_choice(self, deadline: Deadline) -> Choice:
        models = self._models
        choice = choose(models, left_s=deadline.left_s, circuit_open=False)
        if choice.route == "primary" and not self._circuit.admits():
            choice = choose(models, left_s=deadline.left_s, circuit_open=True)
        return choice

    def _next_choice(self, failed: Choice, reason: StopReason, deadline: Deadline) -> Choice:
        return choose(
            self._models,
            left_s=deadline.left_s,
            circuit_open=False,
            not_primary=failed.reason or reason,
            not_fallback=failed.route == "fallback" or reason == "ungrounded",
        )

    def _reset(self, job: _Job, reason: StopReason, choice: Choice) -> AnswerReset:
        self._observe(Observed("answer_resets", labels={"reason": reason, "route": choice.route}))
        job.deadline.spent("first_token", None)
        return job.transcript.reset(reason, choice)

    def _completed(
        self,
        job: _Job,
        choice: Choice,
        passages: Sequence[Found],
        *,
        usage: Usage = _NO_USAGE,
        support: float | None = None,
    ) -> AnswerCompleted:
        labels = {"route": choice.route, "reason": choice.reason or ""}
        timings = job.deadline.timings()
        self._observe(Observed("answers", labels=labels))
        self._observe(
            Observed("answer_total_seconds", (timings.total or 0.0) / 1000, {"route": choice.route})
        )
        if timings.first_token is not None:
            first_token_s = timings.first_token / 1000
            self._observe(Observed("answer_first_token_seconds", first_token_s, {"route": choice.route}))
        outcome = Outcome(
            choice=choice,
            citations=citations(passages, job.looked.text, job.transcript.text),
            watermark=job.looked.watermark,
            timings=timings,
            abstained=choice.route == "none",
            grounded=support,
            stale=job.looked.stale,
            usage=usage,
        )
        return job.transcript.completed(outcome)


def _regular(chunk: ChatChunk, markers: Markers, job: _Job) -> ChatChunk:
    """The chunk as it may be sent, the last one with what the program adds.

    Raises `Unfinished` for an empty reply.
    """
    text = markers.feed(well_formed(chunk.text))
    if chunk.done:
        text += markers.flush()
        whole = job.transcript.text + text
        if not whole.strip():
            raise Unfinished("error", "the model ended its reply without a word")
        text += attribution(whole, job.prompt.passages)
    return replace(chunk, text=text)


def _usage(chunk: ChatChunk) -> Usage:
    return Usage(prompt_tokens=chunk.prompt_tokens, completion_tokens=chunk.completion_tokens)
