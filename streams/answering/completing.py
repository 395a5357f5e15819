"""Completing: the event that ends an answer, and all that is counted, learnt and passed on at its end."""

from __future__ import annotations

from collections.abc import Sequence

from streams.answering.found import Found
from streams.answering.generating.calibrate import Calibration
from streams.answering.generating.reply import truncated, usage
from streams.answering.generating.route import Choice
from streams.answering.grounding.ground import citations
from streams.answering.guard.inspect import Guard
from streams.answering.job import Job
from streams.answering.settings import Answering
from streams.answering.shadow import Offered, Shadow
from streams.answering.transcript import Outcome
from streams.messages.answers import AnswerCompleted, Timings, Usage
from streams.ports import ChatChunk, Observed, Observer

_NO_REPLY = ChatChunk("")


class Completing:
    """Ends answers."""

    def __init__(
        self,
        settings: Answering,
        *,
        guard: Guard,
        calibration: Calibration,
        shadow: Shadow | None,
        observe: Observer,
    ) -> None:
        self._settings, self._guard, self._calibration = settings, guard, calibration
        self._shadow, self._observe = shadow, observe

    def completed(
        self,
        job: Job,
        choice: Choice,
        passages: Sequence[Found],
        outdated: tuple[int, ...] | None,
        *,
        last: ChatChunk = _NO_REPLY,
        support: float | None = None,
    ) -> AnswerCompleted:
        """The terminal event of an answer made from `passages`, some of them `outdated` by now.

        `last` and `support` are a model's: the last piece of its reply, how well that is grounded.
        """
        timings, counted, cut = job.deadline.timings(), usage(last), truncated(last)
        self._tell_route(choice, timings)
        self._tell_model(choice, counted, support)
        self._calibrate(job, choice, counted)
        if cut:
            self._observe(Observed("answers_truncated", labels={"route": choice.route}))
        if self._shadow is not None and job.prompt.passages:
            self._shadow.offer(Offered(job.asked, job.looked.text, job.prompt, job.looked.watermark))
        outcome = Outcome(
            choice=choice,
            citations=citations(passages, job.looked.alone, job.transcript.text),
            watermark=job.looked.watermark,
            timings=timings,
            abstained=choice.route == "none",
            grounded=support,
            truncated=cut,
            stale=job.looked.stale,
            by_words=job.looked.by_words,
            outdated=outdated,
            guard=self._guard.report(job.looked.guarded, job.stopped),
            usage=counted,
        )
        return job.transcript.completed(outcome)

    def _calibrate(self, job: Job, choice: Choice, counted: Usage) -> None:
        """Learns what an estimated token is, and counts prompts that left the answer less than its room."""
        if choice.model is None or not counted.prompt_tokens:
            return
        # Turns that don't fit a server drops without a word; where all was thought to fit, it had no reason.
        whole = not job.asked.question.history or job.prompt.tokens <= self._settings.prompt_tokens
        self._calibration.counted(
            choice.model,
            job.languages,
            estimated=job.prompt.tokens,
            tokens=counted.prompt_tokens,
            whole=whole,
        )
        if counted.prompt_tokens > self._settings.prompt_tokens:
            self._observe(Observed("answer_prompts_over", labels={"route": choice.route}))

    def _tell_route(self, choice: Choice, timings: Timings) -> None:
        """Counts which way the question went, and how long that took."""
        route = {"route": choice.route}
        self._observe(Observed("answers", labels={**route, "reason": choice.reason or ""}))
        self._observe(Observed("answer_total_seconds", (timings.total or 0.0) / 1000, route))
        if timings.first_token is not None:
            self._observe(Observed("answer_first_token_seconds", timings.first_token / 1000, route))

    def _tell_model(self, choice: Choice, counted: Usage, support: float | None) -> None:
        """Counts what a model read and wrote, and how well that is grounded."""
        for kind, tokens in (("prompt", counted.prompt_tokens), ("completion", counted.completion_tokens)):
            if tokens:
                self._observe(Observed("answer_tokens", tokens, {"route": choice.route, "kind": kind}))
        if support is not None:
            self._observe(Observed("answer_grounded_ratio", support, {"route": choice.route}))
