"""The `Cutter` of a worker: what is harmless is cut here, at once, all else in a process with limits."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from streams.confined import wire
from streams.confined.process import Answer, Crashed, CuttingProcess, Worn
from streams.errors import Rejected
from streams.indexing.cutting.chunk import Chunk, Chunking, chunk
from streams.indexing.cutting.cut import HereCutter
from streams.indexing.cutting.parse import MOST_CHARACTERS, READ, TEXTS, essence, parse
from streams.messages.changes import Document
from streams.ports import Monotonic, Observed, Observer, unobserved

HERE_CHARACTERS = 50_000
"""Of plain text or Markdown that is cut in the worker itself: a tenth of a second or two at worst."""

MOST_GIVEN = 4 * MOST_CHARACTERS
"""Characters of a page or a PDF as it comes."""

CRASHES = 2
"""So many times the same document ends a new process before that is put down to the document."""


class ConfinedCutter:
    """A `Cutter`. Never more than `processes` processes; they start when they are needed, and stay.

    A document that takes more than its limits, or that ends its process, is `Rejected` and harms no other.
    """

    def __init__(
        self, limits: wire.Limits, *, processes: int, monotonic: Monotonic, observe: Observer = unobserved
    ) -> None:
        self._limits, self._monotonic, self._observe = limits, monotonic, observe
        self._here = HereCutter(parse, chunk)
        self._slots = asyncio.Semaphore(processes)
        self._idle: list[CuttingProcess] = []
        self._busy: set[CuttingProcess] = set()
        self._short = False

    @property
    def pids(self) -> list[int]:
        """The processes that are there."""
        return [process.pid for process in (*self._idle, *self._busy)]

    async def chunks(self, document: Document, chunking: Chunking) -> Sequence[Chunk]:
        """As `Cutter`. Raises `Rejected` also with `too_slow` and `parser_crashed`; and `Retryable`."""
        media_type = essence(document.media_type)
        if media_type not in READ or (media_type in TEXTS and len(document.text) <= HERE_CHARACTERS):
            return self._here.cut(document, chunking)
        if len(document.text) > MOST_GIVEN:
            raise Rejected(
                f"the document has {len(document.text)} characters, and no more than {MOST_GIVEN} are read:"
                " divide it into several",
                code="too_large",
            )
        async with self._slots:
            started = self._monotonic()
            answer = await self._ask(wire.request(document, chunking))
            took = self._monotonic() - started
        self._observe(Observed("parse_seconds", took, {"media_type": media_type}))
        return wire.answered(*answer)

    async def canary(self) -> None:
        """Raises `Retryable` where the machine had no room for a process, and has none still."""
        if self._short and not (self._idle or self._busy):
            async with self._slots:
                self._idle.append(await self._start())

    async def close(self) -> None:
        """Ends the processes."""
        gone = [*self._idle, *self._busy]
        self._idle.clear()
        for process in gone:
            process.kill()
        await asyncio.gather(*(process.ended() for process in gone))

    async def _start(self) -> CuttingProcess:
        self._short = True
        process = await CuttingProcess.start(self._limits)
        self._short = False
        return process

    async def _ask(self, request: bytes) -> Answer:
        crashes = 0
        while True:
            # One that was idle may have been ended by anything.
            new = not self._idle
            process = await self._start() if new else self._idle.pop()
            self._busy.add(process)
            try:
                answer = await process.ask(request)
            except Worn:
                continue
            except Crashed:
                crashes += new
                self._observe(Observed("parser_crashes"))
                if crashes == CRASHES:
                    raise _crashed() from None
            else:
                self._idle.append(process)
                return answer
            finally:
                self._busy.discard(process)


def _crashed() -> Rejected:
    return Rejected(
        f"the document ended the process that read it, {CRASHES} times: it is broken in a way that its"
        " library can't stand. Convert it to another format",
        code="parser_crashed",
    )
