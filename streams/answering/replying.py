"""Replying: one model's reply to a question, and what is learnt of the model from how it went."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace

from streams.answering.found import Found
from streams.answering.generating.calibrate import Calibration
from streams.answering.generating.generate import TOO_LONG, Limits, Unfinished, generate
from streams.answering.generating.reply import check_read, regular, request
from streams.answering.generating.route import Choice
from streams.answering.generating.router import Router
from streams.answering.grounding.ground import acquaint, judged, regulating, share
from streams.answering.guard.inspect import Guard
from streams.answering.job import Job
from streams.answering.settings import Answering
from streams.ports import ChatChunk, Generator, Monotonic

READ_EACH_S = 0.01
"""Seconds from the request to the first passage that is read ahead, and from that to the next."""


@asynccontextmanager
async def reading_ahead(passages: Sequence[Found]) -> AsyncGenerator[None, None]:
    """Has the passages read while the model thinks, one at a time: each may take milliseconds."""
    loop = asyncio.get_running_loop()
    due = [loop.call_later(n * READ_EACH_S, acquaint, found) for n, found in enumerate(passages, 1)]
    try:
        yield
    finally:
        for handle in due:
            handle.cancel()


class Replying:
    """Has models reply. What they are to be told, and may let out, is in the job."""

    def __init__(
        self,
        generator: Generator,
        settings: Answering,
        *,
        guard: Guard,
        router: Router,
        calibration: Calibration,
        monotonic: Monotonic,
    ) -> None:
        self._generator, self._settings, self._monotonic = generator, settings, monotonic
        self._guard, self._router, self._calibration = guard, router, calibration

    async def reply(self, job: Job, choice: Choice) -> AsyncGenerator[ChatChunk, None]:
        """One model's reply with its markers made regular. Raises `Unfinished`."""
        passages = job.prompt.passages
        began, markers = self._monotonic(), regulating(passages)
        output = self._guard.output(job.asked, job.prompt.passages, job.prompt.canary)
        job.deadline.spent("first_token", None)
        try:
            async with reading_ahead(passages), aclosing(self._generate(job, choice)) as chunks:
                async for chunk in chunks:
                    if chunk.text and not job.deadline.has("first_token"):
                        job.deadline.spent("first_token", self._monotonic() - began)
                        self._router.began(choice, self._monotonic() - began)
                    if chunk.done:
                        check_read(chunk, self._settings.writing)
                    whole = regular(chunk, markers, output.seen, job.prompt.passages)
                    text = output.feed(whole.text, spaced=markers.spaced, done=whole.done)
                    yield replace(whole, text=text)
        except Unfinished as failure:
            begun = job.deadline.has("first_token")
            waited_s = None if begun else self._monotonic() - began
            if failure.code == TOO_LONG:
                self._calibration.refused(
                    choice.model or "",
                    job.languages,
                    estimated=job.prompt.tokens,
                    window=self._settings.num_ctx,
                )
            self._router.failed(choice, failure, waited_s=waited_s)
            if failure.reason == "guarded":
                job.stopped.append(str(failure))
            raise
        self._router.succeeded(choice)
        job.deadline.spent("generated", self._monotonic() - began)

    def _generate(self, job: Job, choice: Choice) -> AsyncGenerator[ChatChunk, None]:
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

    async def support(self, job: Job) -> float:
        """How well the finished reply is grounded. Raises `Unfinished` where that is too little."""
        right = list[bool]()
        for one in judged(job.transcript.text, job.prompt.passages, job.looked.text):
            right.append(one)
            await asyncio.sleep(0)  # others go on between two sentences
        support = share(right)
        if support < self._settings.min_grounded:
            raise Unfinished("ungrounded", "the reply is not what the passages say")
        return support
