"""The conductor: a question in, its events out, one terminal event by the deadline whatever fails."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from functools import partial

from streams.answering.completing import Completing
from streams.answering.found import Found
from streams.answering.generating.calibrate import Calibration, languages
from streams.answering.generating.generate import TOO_LONG, StopReason, Unfinished
from streams.answering.generating.prompt import MINIMUM_TOKENS, Prompt, brief, prompt
from streams.answering.generating.route import Choice
from streams.answering.generating.router import Router
from streams.answering.generating.warming import Warming
from streams.answering.grounding.extract import extract
from streams.answering.grounding.ground import citations
from streams.answering.guard.inspect import Guard
from streams.answering.job import Job
from streams.answering.no_answer import NoAnswer
from streams.answering.replying import Replying
from streams.answering.retrieval.lookup import Looked, Lookup
from streams.answering.retrieval.rewrite import Rewriter
from streams.answering.settings import Answering
from streams.answering.shadow import Shadow
from streams.answering.text.language import phrases
from streams.answering.transcript import Transcript
from streams.answering.untaken import Event, Untaken
from streams.answering.waiting.admission import Admission, Turn, at_once
from streams.answering.waiting.beside import beside
from streams.answering.waiting.deadline import Deadline
from streams.answering.waiting.demand import Demand
from streams.answering.waiting.slots import Slots
from streams.answering.waiting.turnstile import Full
from streams.messages.answers import AnswerCompleted, AnswerFailed, AnswerReset
from streams.messages.questions import Asked
from streams.messages.records import Offset
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
        warming: Warming | None = None,
    ) -> None:
        self._guard = Guard(settings.guard_policy, observe)
        self._router = Router(settings.routing, monotonic=monotonic, warming=warming)
        rewriter = Rewriter(generator, settings.rewriting, self._router.usual_s, monotonic, observe)
        self._lookup = Lookup(
            serve, watermarks, settings.retrieval, monotonic, observe, self._guard, rewriter
        )
        self._settings = settings
        self._now = now
        self._monotonic = monotonic
        self._observe = observe
        self._slots = Slots(settings.slots)
        self.demand = Demand()
        """Questions that need a model, or will as soon as their passages are found."""
        self._admission = Admission(
            settings.slots, ahead=settings.ahead, demand=self.demand, monotonic=monotonic
        )
        self._calibration = Calibration()
        self._replying = Replying(
            generator, settings, guard=self._guard, router=self._router, calibration=self._calibration,
            monotonic=monotonic,
        )  # fmt: skip
        self._completing = Completing(
            settings, guard=self._guard, calibration=self._calibration, shadow=shadow, observe=observe
        )

    @property
    def waiting(self) -> int:
        """Questions that wait for a place."""
        return self._admission.waiting

    @property
    def generating(self) -> int:
        """Replies that are generated now."""
        return self._slots.taken

    @property
    def circuits(self) -> Mapping[str, bool]:
        """For each model that has a circuit, whether it is open."""
        return self._router.circuits

    async def answer(
        self, asked: Asked, *, attempt: int = 1, resumed: bool = False, turn: Turn = at_once
    ) -> AsyncGenerator[Event, None]:
        """The question's events from `attempt` on, as the contract orders them; the last one is terminal.

        Nothing is done for it before `turn` returns, but that it waits as all others do: within its
        deadline, and no longer than there is room for it.
        `resumed`: a worker that is gone had begun before; attempts over 1 always are. Closing the iterator
        (`contextlib.aclosing`) or cancelling its task stops the model's work; one that is dropped unclosed
        goes on until it is collected. Raises `Misconfigured` alone, before any event.
        """
        transcript, untaken = Transcript(asked, attempt=attempt, resumed=resumed, now=self._now), Untaken()
        # A task of its own, which waits for nobody to take its events: else a topic that takes none would
        # keep a place and a slot from everybody.
        async with beside(self._end(asked, turn, transcript, untaken)) as answering:
            async for event in untaken.until(answering):
                if asked.question.stream or isinstance(event, AnswerCompleted | AnswerFailed):
                    yield event

    def give_way(self, at: Offset) -> None:
        """Ends the question that stands there if it waits, and no tenant has more that wait."""
        self._admission.give_way(at)

    async def _end(self, asked: Asked, turn: Turn, transcript: Transcript, untaken: Untaken) -> None:
        """Tells the question's events, the terminal one too."""
        deadline = Deadline(asked, now=self._now, monotonic=self._monotonic, margin_s=self._settings.margin_s)
        try:
            index = partial(self._lookup.wait, asked, deadline)
            async with self._admission.enter(asked, deadline, turn, index) as fresh:
                looked = await self._lookup.look(asked, fresh, deadline)
                spoken = languages(looked.text, looked.found)
                made = self._prompt(asked, looked, spoken)
                job = Job(asked, looked, spoken, made, deadline, transcript, untaken)
                await (self._respond(job) if looked.evidence else self._abstain(job))
        except Full as full:
            message = f"Too many questions wait; ask again in {max(1, math.ceil(full.retry_after_s))} s."
            untaken.put(_failed(transcript, NoAnswer("unavailable", message, retryable=True)))
        except NoAnswer as failure:
            untaken.put(_failed(transcript, failure))

    def _prompt(self, asked: Asked, looked: Looked, spoken: frozenset[str], most: float = math.inf) -> Prompt:
        """What to send: `most` estimated tokens at most, and no more than fits each model that may answer."""
        settings = self._settings
        fits = self._calibration.budget(
            settings.models, spoken, settings.prompt_tokens, at_least=MINIMUM_TOKENS
        )
        budget = max(MINIMUM_TOKENS, int(min(most, fits)))
        if settings.brief_prompt and looked.found:
            made = brief(looked.alone, looked.found, budget=budget)
        else:
            question = asked.question
            made = prompt(
                looked.text, looked.found, budget=budget, history=question.history,
                alone=looked.alone, language=question.language, canary=self._guard.canary(),
            )  # fmt: skip
        if made.cut:
            self._observe(Observed("answer_prompts_cut"))
        return made

    async def _abstain(self, job: Job) -> None:
        choice = Choice("none", None, "no_evidence")
        job.tell(job.transcript.opened(choice, [], job.looked.watermark))
        said = phrases(job.looked.language)
        job.say(said.by_words if job.looked.by_words else said.abstention)
        job.tell(self._completing.completed(job, choice, (), ()))

    async def _respond(self, job: Job) -> None:
        # Without a slot by the deadline there is no model to be asked anyway.
        async with self._slots.take(job.deadline.left_s) as let_go:
            choice = self._router.first(job.asked.id, left_s=job.deadline.left_s)
            shown = citations(self._sources(job, choice), job.looked.alone)
            job.tell(job.transcript.opened(choice, shown, job.looked.watermark))
            while choice.model is not None:
                try:
                    last = await self._reply(job, choice)
                    let_go()
                    # While the last piece is on its way.
                    outdated = await self._outdated(job, job.prompt.passages)
                    support = await self._replying.support(job)
                except Unfinished as failure:
                    job, choice = self._next(job, choice, failure)
                    job.tell(self._reset(job, failure.reason, choice))
                else:
                    job.tell(
                        self._completing.completed(
                            job, choice, job.prompt.passages, outdated, last=last, support=support
                        )
                    )
                    return
        job.say(extract(job.looked.found, job.looked.alone, job.looked.language))
        outdated = await self._outdated(job, job.looked.found)
        job.tell(self._completing.completed(job, choice, job.looked.found, outdated))

    def _next(self, job: Job, choice: Choice, failure: Unfinished) -> tuple[Job, Choice]:
        """What is tried after an attempt that failed; with half the prompt where that was too long."""
        left_s = job.deadline.left_s
        if failure.code != TOO_LONG:
            return job, self._router.next(choice, failure.reason, left_s=left_s)
        turn = self._router.next if job.shortened else self._router.again
        half = self._prompt(job.asked, job.looked, job.languages, job.prompt.tokens / 2)
        return replace(job, prompt=half, shortened=True), turn(choice, failure.reason, left_s=left_s)

    async def _reply(self, job: Job, choice: Choice) -> ChatChunk:
        """Says what the model does; gives the last chunk. Raises `Unfinished`."""
        last = ChatChunk("")
        async with aclosing(self._replying.reply(job, choice)) as chunks:
            async for last in chunks:
                if last.text:
                    job.say(last.text)
        return last

    def _sources(self, job: Job, choice: Choice) -> Sequence[Found]:
        return job.looked.found if choice.model is None else job.prompt.passages

    def _reset(self, job: Job, reason: StopReason, choice: Choice) -> AnswerReset:
        self._observe(Observed("answer_resets", labels={"reason": reason, "route": choice.route}))
        job.deadline.spent("first_token", None)
        return job.transcript.reset(reason, choice)

    async def _outdated(self, job: Job, passages: Sequence[Found]) -> tuple[int, ...] | None:
        return await self._lookup.outdated(job.looked, passages, job.deadline)


def _failed(transcript: Transcript, failure: NoAnswer) -> AnswerFailed:
    return transcript.failed(failure.code, failure.message, retryable=failure.retryable, guard=failure.guard)
