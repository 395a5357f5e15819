"""An answering worker whose questions each come to a phase of their own, and wait there for what comes.

`python -m tests.agents.phased_process TOLD` reads JSON: `bootstrap`, `name`, `folder`, `holds`, `go`. The
question of a partition that `holds` names waits in the phase that it says, tells so by a file `GO PHASE` in
`folder`, and goes on when `GO` is there; all others are answered at once. An answer's text names the process
that made it.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from streams.agents import answering
from streams.agents.answering import Answering
from streams.answering.generating.route import Choice
from streams.answering.transcript import Outcome, Transcript
from streams.kafka.done import DoneLog
from streams.messages.answers import Timings
from tests.agents.answering_process import ended, now, worker

PHASES = (
    "unseen", "recorded", "talking", "fallen back", "deciding", "overtaken", "overtaking", "decided", "sent",
)  # fmt: skip
"""Before its attempt is recorded; after, before `answer.started`; between two deltas; after the record of a
second attempt, before `answer.reset`; before the end is decided; twice between the question whether the place
is ours and the record of the end; after that, before the end is sent; after that, before the commit."""
RECORDING = ("overtaken", "overtaking")
PIECES = 6

Hold = Callable[[int, str], Awaitable[None]]
"""Waits where the question of that partition is to wait in that phase."""


def holding(folder: Path, holds: Mapping[str, str], go: str) -> Hold:
    async def hold(partition: int, phase: str) -> None:
        if holds.get(str(partition)) != phase:
            return
        (folder / f"{go} {phase}").touch()
        while not (folder / go).exists():  # noqa: ASYNC110 - another process makes it
            await asyncio.sleep(0.01)

    return hold


class Speaker:
    """Says which process it is, in pieces; the question that is to fall back does."""

    def __init__(self, hold: Hold) -> None:
        self._hold = hold

    def give_way(self, at: Any) -> None:
        pass

    async def answer(self, asked: Any, *, attempt: int = 1, resumed: bool = False, turn: Any) -> Any:
        await turn()
        said, number = Transcript(asked, attempt=attempt, resumed=resumed, now=now), asked.at.partition
        await self._hold(number, "unseen")
        yield said.opened(Choice("primary", "m", None), [], [])
        if PHASES[number] == "fallen back":
            yield said.delta("to be forgotten")
            yield said.reset("timeout", Choice("fallback", "s", "timeout"))
        for piece in range(PIECES):
            yield said.delta(f"{os.getpid()} {piece} ")
            if piece == PIECES // 2:
                await self._hold(number, "talking")
        await self._hold(number, "deciding")
        yield said.completed(Outcome(Choice("primary", "m", None), [], [], Timings()))


def in_phases(hold: Hold) -> None:
    """Has the agent's own steps wait where they are to."""

    class Phased(DoneLog):
        async def start(self, at: Any, attempt: int) -> None:
            await super().start(at, attempt)
            await hold(at.partition, "recorded" if attempt == 1 else "fallen back")

        async def finish(self, at: Any, terminal: Any) -> None:
            for phase in RECORDING:
                await hold(at.partition, phase)
            await super().finish(at, terminal)
            await hold(at.partition, "decided")

    handle = Answering.handle

    async def handled(self: Answering, item: Any) -> None:
        await handle(self, item)
        await hold(item.at.partition, "sent")

    answering.DoneLog = Phased  # type: ignore[misc]
    Answering.handle = handled  # type: ignore[method-assign]


async def main(told: dict[str, Any]) -> int:
    hold = holding(Path(told["folder"]), told["holds"], told["go"])
    in_phases(hold)
    return await worker(told, Speaker(hold), slots=len(PHASES), drain_s=2.0)


if __name__ == "__main__":
    random.seed()
    ended(main(json.loads(sys.argv[1])))
