"""The shadow: another model answers a share of the questions once more, on the side, for comparison.

Nobody waits for it, and it takes nothing from who is waited for: it begins only once no question of this
worker has needed a model for a moment, gives up as soon as one does, and drops what it can't keep up with.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from streams.answering.generating.generate import Limits, Unfinished, generate
from streams.answering.generating.prompt import Prompt
from streams.answering.generating.reply import check_read, regular, request, truncated, usage
from streams.answering.generating.rollout import PARTS, part
from streams.answering.generating.route import Choice
from streams.answering.grounding.ground import citations, grounded, regulating
from streams.answering.settings import Answering
from streams.answering.transcript import Outcome, Transcript
from streams.answering.waiting.beside import beside
from streams.answering.waiting.demand import Demand
from streams.messages.answers import AnswerCompleted, Timings
from streams.messages.headers import reply_to
from streams.messages.questions import Asked
from streams.messages.records import Offset
from streams.ports import ChatChunk, Generator, Monotonic, Now, Observed, Observer, unobserved

LIMIT_S = 120.0
"""What a shadow's answer may take."""
ROOM = 32
"""Questions that wait for the shadow; more are dropped."""
PATIENCE_S = 120.0
"""How long one may wait; then it is dropped: its passages may be of documents that are gone by now."""

CALM_S = 0.5
"""For how long no question must have needed a model: it would give way at once where one follows another."""


@dataclass(frozen=True, slots=True)
class Shadowing:
    """`model` answers `percent` of the questions once more, 0 to 100."""

    model: str
    percent: float


@dataclass(frozen=True, slots=True)
class Offered:
    """What a shadow is given of a question: the very prompt that the live model had."""

    asked: Asked
    text: str
    prompt: Prompt
    watermark: Sequence[Offset]


Send = Callable[[AnswerCompleted], Awaitable[None]]
"""Sends an answer to where shadows' answers go. Raises as Kafka does."""


class Shadow:
    """Takes questions that were answered (`offer`) and answers them again (`run`)."""

    def __init__(
        self,
        generator: Generator,
        shadowing: Shadowing,
        settings: Answering,
        *,
        send: Send,
        now: Now,
        monotonic: Monotonic,
        observe: Observer = unobserved,
    ) -> None:
        self._generator, self._shadowing, self._settings = generator, shadowing, settings
        self._send, self._now, self._monotonic, self._observe = send, now, monotonic, observe
        self._waiting: asyncio.Queue[tuple[float, Offered]] = asyncio.Queue(ROOM)

    def offer(self, offered: Offered) -> None:
        """Keeps the question for later if it is one of the share, and there is room; never blocks.

        Not one with a `reply-to`: its answers go there, and to no topic that others read.
        """
        if reply_to(offered.asked.headers) is not None:
            return
        if part(offered.asked.id, "shadow") >= self._shadowing.percent / 100 * PARTS:
            return
        try:
            self._waiting.put_nowait((self._monotonic(), offered))
        except asyncio.QueueFull:
            self._ended("dropped")

    async def run(self, demand: Demand) -> None:
        """Answers what is offered until it is cancelled, only while there is no `demand`."""
        while True:
            since, offered = await self._waiting.get()
            await demand.calm(CALM_S)
            if self._monotonic() - since > PATIENCE_S:
                self._ended("dropped")
                continue
            try:
                completed = await self._without(demand, offered)
                if completed is not None:
                    await self._send(completed)
                self._ended("gave_way" if completed is None else "answered")
            except Unfinished:
                self._ended("unfinished")
            except Exception:  # noqa: BLE001 - whatever it is, it must cost nobody anything but this comparison
                self._ended("failed")

    async def _without(self, demand: Demand, offered: Offered) -> AnswerCompleted | None:
        """The whole answer; None where it gave way to a question, even before its first token."""
        async with beside(self._answered(offered)) as answering, beside(demand.some()) as needed:
            await asyncio.wait({answering, needed}, return_when=asyncio.FIRST_COMPLETED)
            return answering.result() if answering.done() else None

    async def _answered(self, offered: Offered) -> AnswerCompleted:
        began, first_token_s = self._monotonic(), None
        transcript = Transcript(offered.asked, attempt=1, resumed=False, now=self._now)
        passages, last = offered.prompt.passages, ChatChunk("")
        markers = regulating(passages)
        wanted = request(self._settings.writing, self._shadowing.model, offered.prompt)
        async with aclosing(generate(self._generator, wanted, self._limits(), self._monotonic)) as chunks:
            async for chunk in chunks:
                if first_token_s is None and chunk.text:
                    first_token_s = self._monotonic() - began
                if chunk.done:
                    check_read(chunk, self._settings.writing)
                transcript.delta(regular(chunk, markers, transcript.text, passages).text)
                last = chunk
        whole_ms = 1000 * (self._monotonic() - began)
        return transcript.completed(
            Outcome(
                choice=Choice("primary", self._shadowing.model, None),
                citations=citations(passages, offered.text, transcript.text),
                watermark=offered.watermark,
                timings=Timings(
                    first_token=None if first_token_s is None else 1000 * first_token_s,
                    generated=whole_ms,
                    total=whole_ms,
                ),
                grounded=grounded(transcript.text, passages, offered.text),
                truncated=truncated(last),
                usage=usage(last),
            )
        )

    def _limits(self) -> Limits:
        return Limits(
            first_token_s=LIMIT_S,
            hurry_s=LIMIT_S,
            token_s=LIMIT_S,
            coalesce_s=self._settings.coalesce_ms / 1000,
            until=self._monotonic() + LIMIT_S,
        )

    def _ended(self, how: str) -> None:
        self._observe(Observed("shadow_answers", labels={"outcome": how}))
