"""How a reindex goes on, for a person or, line by line, for a program."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from streams.cli.output import Output
from streams.indexing.generations.copying import Copied
from streams.worker.verdict import Verdict

SAID_EVERY_S = 5.0
"""How often a program is told how far a walk is."""


class Steps:
    """Prints steps as they are done; walks over documents as a bar with the time that is left."""

    def __init__(self, out: Output) -> None:
        self._out = out
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
        )
        console = Console(stderr=True, highlight=False, emoji=False)
        self._bars = Progress(*columns, console=console, disable=out.as_json, transient=True)
        self._bar: TaskID | None = None
        self._walk, self._said = "", 0.0
        self._total: int | None = None

    def __enter__(self) -> Self:
        """The bars are there."""
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """The bars are gone."""
        self._bars.stop()

    def step(self, name: str, **facts: object) -> None:
        """A step, with what is to be known of it."""
        if self._bar is not None:
            self._bars.remove_task(self._bar)
            self._bar = None
        said = "  ".join(f"{fact.replace('_', ' ')}: {value}" for fact, value in facts.items() if value)
        self._out.row({"step": name, **facts}, f"{name:<10} {said}")

    def counted(self, step: str, total: int | None) -> None:
        """A walk over so many documents begins."""
        self._walk, self._total, self._said = step, total, time.monotonic()
        self._bar = self._bars.add_task(step, total=total, note="")

    def copied(self, copied: Copied) -> None:
        """How far that walk is."""
        if self._bar is not None:
            note = f"waits: {copied.waits_for}" if copied.waits_for else ""
            self._bars.update(self._bar, completed=copied.looked_at, note=note)
        if self._out.as_json and time.monotonic() - self._said > SAID_EVERY_S:
            self._said = time.monotonic()
            facts = {"looked_at": copied.looked_at, "total": self._total, "brought": copied.brought}
            self._out.row({"step": self._walk, **facts, "waits_for": copied.waits_for})

    def judged(self, verdict: Verdict) -> None:
        """The recall of both generations."""
        figures = {
            "questions": verdict.questions,
            "automatic": verdict.automatic,
            "live": verdict.live,
            "new": verdict.new,
            "live_vectors": verdict.live_vectors,
            "new_vectors": verdict.new_vectors,
        }
        rounded = {
            name: round(value, 4) if isinstance(value, float) else value for name, value in figures.items()
        }
        self.step("recall@5", **rounded)
