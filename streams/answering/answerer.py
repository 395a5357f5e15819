"""The conductor: a question in, its events out, one terminal event by the deadline whatever fails."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import ExitStack, aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace

from streams.answering.found import Found
from streams.answering.generating.calibrate import Calibration
from streams.answering.generating.generate import TOO_LONG, Limits, StopReason, Unfinished, generate
from streams.answering.generating.prompt import MINIMUM_TOKENS, Prompt, brief, prompt
from streams.answering.generating.reply import regular, request, usage
from streams.answering.generating.route import Choice
from streams.answering.generating.router import Router
from streams.answering.grounding.extract import extract
from streams.answering.grounding.ground import citations, grounded
from streams.answering.grounding.markers import Markers
from streams.answering.guard.inspect import Guard
from streams.answering.retrieval.freshness import Freshness
from streams.answering.retrieval.lookup import Looked, Lookup, NoAnswer
from streams.answering.retrieval.rewrite import Rewriter
from streams.answering.settings import Answering
from streams.answering.shadow import Offered, Shadow
from streams.answering.text.language import phrases
from streams.answering.transcript import Outcome, Transcript
from streams.answering.waiting.anteroom import Anteroom, TooMany
from streams.answering.waiting.beside import ahead, beside
from streams.answering.waiting.deadline import Deadline
from streams.answering.waiting.turnstile import Full, Turnstile
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


AWAITING_A_SLOT = 32
"""Questions that may wait for the index, for each that a model answers."""
WAITING_A_SLOT = 256
"""Questions that may wait for their turn: as many as a slot answers by the latest deadline, in 2.3 s each."""
TAKEN_A_SLOT = WAITING_A_SLOT + AWAITING_A_SLOT + 32
"""Questions to be taken in at a time: all that may wait, and those that are being answered or refused."""

MANY_WAIT = "Too many questions wait for the index already; ask again, or without `after`."


@dataclass(frozen=True, slots=True)
class _Job:
    """One question on its way: what is known, what was built from it, what replies were stopped for."""

    asked: Asked
    looked: Looked
    prompt: Prompt
    deadline: Deadline
    transcript: Transcript
    stopped: list[str] = field(default_factory=list)


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
        shadow: Shadow | None = None,
    ) -> None:
        self._guard = Guard(settings.guard_policy, observe)
        self._router = Router(settings.routing, monotonic=monotonic)
        rewriter = Rewriter(generator, settings.rewriting, self._router.usual_s, monotonic, observe)
        self._lookup = Lookup(
            serve, watermarks, settings.retrieval, monotonic, observe, self._guard, rewriter
        )
        self._generator = generator
        self._settings = settings
        self._now = now
        self._monotonic = monotonic
        self._observe = observe
        self._turnstile = Turnstile(
            settings.slots + settings.ahead, most=settings.slots * WAITING_A_SLOT, monotonic=monotonic
        )
        self._anteroom = Anteroom(settings.slots * AWAITING_A_SLOT)
        self._slots = asyncio.Semaphore(settings.slots)
        self._generating = 0
        self._calibration = Calibration()
        self._shadow = shadow

    @property
    def waiting(self) -> int:
        """Questions that wait for a place."""
        return self._turnstile.waiting

    @property
    def generating(self) -> int:
        """Replies that are generated now."""
        return self._generating

    @property
    def circuits(self) -> Mapping[str, bool]:
        """For each model that has a circuit, whether it is open."""
        return self._router.circuits

    @property
    def busy(self) -> bool:
        """Whether all slots are taken, or somebody waits for one."""
        return self._slots.locked() or self._turnstile.waiting > 0

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
            # Outside the turnstile: who waits for the index keeps no place there.
            fresh = await self._indexed(asked, deadline)
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

    async def _indexed(self, asked: Asked, deadline: Deadline) -> Freshness | None:
        if not asked.question.after:
            return await self._lookup.wait(asked, deadline)
        try:
            with self._anteroom.enter(asked.tenant):
                return await self._lookup.wait(asked, deadline)
        except TooMany:
            raise NoAnswer("unavailable", MANY_WAIT, retryable=True) from None

    def _failed(self, transcript: Transcript, failure: NoAnswer) -> AnswerFailed:
        return transcript.failed(
            failure.code, failure.message, retryable=failure.retryable, guard=failure.guard
        )

    async def _answered(
        self, asked: Asked, fresh: Freshness | None, deadline: Deadline, transcript: Transcript
    ) -> AsyncGenerator[Event, None]:
        looked = await self._lookup.look(asked, fresh, deadline)
        job = _Job(asked, looked, self._prompt(asked, looked), deadline, transcript)
        async with aclosing(self._respond(job) if looked.evidence else self._abstain(job)) as events:
            async for event in events:
                yield event

    def _prompt(self, asked: Asked, looked: Looked) -> Prompt:
        settings = self._settings
        budget = self._calibration.budget(settings.models, settings.prompt_tokens, at_least=MINIMUM_TOKENS)
        if settings.brief_prompt and looked.found:
            made = brief(looked.alone, looked.found, budget=budget)
        else:
            question = asked.question
            made = prompt(
                looked.text, looked.found, budget=budget, history=question.history,
                language=question.language, canary=self._guard.canary(),
            )  # fmt: skip
        if made.cut:
            self._observe(Observed("answer_prompts_cut"))
        return made

    async def _abstain(self, job: _Job) -> AsyncGenerator[Event, None]:
        choice = Choice("none", None, "no_evidence")
        yield job.transcript.opened(choice, [], job.looked.watermark)
        yield job.transcript.delta(phrases(job.looked.language).abstention)
        yield self._completed(job, choice, (), ())

    async def _respond(self, job: _Job) -> AsyncGenerator[Event, None]:
        async with self._slot(job.deadline) as let_go:
            choice = self._router.first(job.asked.id, left_s=job.deadline.left_s)
            shown = citations(self._sources(job, choice), job.looked.alone)
            opening: AnswerStarted | AnswerReset
            opening = job.transcript.opened(choice, shown, job.looked.watermark)
            while choice.model is not None:
                last = ChatChunk("")
                try:
                    # The model works while the attempt's first event is on its way.
                    async with ahead(self._reply(job, choice)) as chunks:
                        yield opening
                        async for last in chunks:
                            if last.text and not last.done:
                                yield job.transcript.delta(last.text)
                    let_go()
                    # And what was cited is looked at again while the last piece is.
                    async with beside(self._outdated(job, job.prompt.passages)) as looking:
                        if last.text:
                            yield job.transcript.delta(last.text)
                        support, outdated = self._support(job), await looking
                except Unfinished as failure:
                    choice = self._router.next(choice, failure.reason, left_s=job.deadline.left_s)
                    opening = self._reset(job, failure.reason, choice)
                else:
                    yield self._completed(
                        job, choice, job.prompt.passages, outdated, counted=usage(last), support=support
                    )
                    return
        yield opening
        yield job.transcript.delta(extract(job.looked.found, job.looked.alone, job.looked.language))
        outdated = await self._outdated(job, job.looked.found)
        yield self._completed(job, choice, job.looked.found, outdated)

    @asynccontextmanager
    async def _slot(self, deadline: Deadline) -> AsyncGenerator[Callable[[], None], None]:
        """A slot for generating, and what lets go of it before the end; none where the deadline comes first.

        No model is asked then anyway.
        """
        with ExitStack() as held:
            with suppress(TimeoutError):
                async with asyncio.timeout(max(deadline.left_s, 0.0)):
                    await self._slots.acquire()
                held.callback(self._let_go)
                self._generating += 1
            yield held.close

    def _let_go(self) -> None:
        self._generating -= 1
        self._slots.release()

    async def _reply(self, job: _Job, choice: Choice) -> AsyncGenerator[ChatChunk, None]:
        """One model's reply with its markers made regular. Raises `Unfinished`."""
        began, markers = self._monotonic(), Markers(len(job.prompt.passages))
        output = self._guard.output(job.asked, job.prompt.passages, job.prompt.canary)
        job.deadline.spent("first_token", None)
        try:
            async with aclosing(self._generate(job, choice)) as chunks:
                async for chunk in chunks:
                    if chunk.text and not job.deadline.has("first_token"):
                        job.deadline.spent("first_token", self._monotonic() - began)
                        self._router.began(choice, self._monotonic() - began)
                    whole = regular(chunk, markers, output.seen, job.prompt.passages)
                    yield replace(whole, text=output.feed(whole.text, done=whole.done))
        except Unfinished as failure:
            begun = job.deadline.has("first_token")
            waited_s = None if begun else self._monotonic() - began
            if failure.code == TOO_LONG:
                self._calibration.refused(choice.model or "")
            self._router.failed(choice, failure.reason, waited_s=waited_s)
            if failure.reason == "guarded":
                job.stopped.append(str(failure))
            raise
        self._router.succeeded(choice)
        job.deadline.spent("generated", self._monotonic() - began)

    def _generate(self, job: _Job, choice: Choice) -> AsyncGenerator[ChatChunk, None]:
        settings, left_s = self._settings, job.deadline.left_s
        limits = Limits(
            first_token_s=settings.first_token_timeout_s,
            hurry_s=self._router.hurry_s(choice, left_s=left_s),
            token_s=settings.token_timeout_s,
            coalesce_s=settings.coalesce_ms / 1000,
            until=job.deadline.until,
            out=lambda: bool(job.transcript.text),
        )
        wanted = request(settings.writing, choice.model or "", job.prompt)
        return generate(self._generator, wanted, limits, self._monotonic)

    def _support(self, job: _Job) -> float:
        """How well the finished reply is grounded. Raises `Unfinished` where that is too little."""
        support = grounded(job.transcript.text, job.prompt.passages, job.looked.text)
        if support < self._settings.min_grounded:
            raise Unfinished("ungrounded", "the reply is not what the passages say")
        return support

    def _sources(self, job: _Job, choice: Choice) -> Sequence[Found]:
        return job.looked.found if choice.model is None else job.prompt.passages

    def _reset(self, job: _Job, reason: StopReason, choice: Choice) -> AnswerReset:
        self._observe(Observed("answer_resets", labels={"reason": reason, "route": choice.route}))
        job.deadline.spent("first_token", None)
        return job.transcript.reset(reason, choice)

    async def _outdated(self, job: _Job, passages: Sequence[Found]) -> tuple[int, ...] | None:
        return await self._lookup.outdated(job.looked, passages)

    def _completed(
        self,
        job: _Job,
        choice: Choice,
        passages: Sequence[Found],
        outdated: tuple[int, ...] | None,
        *,
        counted: Usage = _NO_USAGE,
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
        self._tell(choice, counted, support)
        self._calibrate(job, choice, counted)
        if self._shadow is not None and choice.route != "none":
            self._shadow.offer(Offered(job.asked, job.looked.text, job.prompt, job.looked.watermark))
        outcome = Outcome(
            choice=choice,
            citations=citations(passages, job.looked.alone, job.transcript.text),
            watermark=job.looked.watermark,
            timings=timings,
            abstained=choice.route == "none",
            grounded=support,
            stale=job.looked.stale,
            outdated=outdated,
            guard=self._guard.report(job.looked.guarded, job.stopped),
            usage=counted,
        )
        return job.transcript.completed(outcome)

    def _calibrate(self, job: _Job, choice: Choice, counted: Usage) -> None:
        """Learns what an estimated token is, and counts prompts that left the answer less than its room."""
        if choice.model is None or not counted.prompt_tokens:
            return
        self._calibration.counted(choice.model, estimated=job.prompt.tokens, tokens=counted.prompt_tokens)
        if counted.prompt_tokens > self._settings.prompt_tokens:
            self._observe(Observed("answer_prompts_over", labels={"route": choice.route}))

    def _tell(self, choice: Choice, counted: Usage, support: float | None) -> None:
        """Counts what a model read and wrote, and how well that is grounded."""
        for kind, tokens in (("prompt", counted.prompt_tokens), ("completion", counted.completion_tokens)):
            if tokens:
                self._observe(Observed("answer_tokens", tokens, {"route": choice.route, "kind": kind}))
        if support is not None:
            self._observe(Observed("answer_grounded_ratio", support, {"route": choice.route}))
