"""What commands print: for people on a terminal, or with `--json` one JSON object a line."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

import typer
from pydantic import BaseModel
from rich.console import Console

from streams.errors import Misconfigured, Rejected, Retryable, StreamsError

FAILED, USAGE, UNREACHABLE = 1, 2, 3
"""Exit codes beside 0: failed; usage or configuration; a service cannot be reached."""

Json = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")]


def _console() -> Console:
    return Console(highlight=False, soft_wrap=True, emoji=False)


@dataclass(frozen=True)
class Output:
    """Where a command's results go. With `as_json`, only objects are printed, for programs to read."""

    as_json: bool = False
    console: Console = field(default_factory=_console)

    def row(self, value: BaseModel | Mapping[str, Any], text: str | None = None) -> None:
        """One result: the object with `--json`, else `text` (or the object's fields)."""
        data = value.model_dump(mode="json") if isinstance(value, BaseModel) else dict(value)
        if self.as_json:
            sys.stdout.write(json.dumps(data, ensure_ascii=False) + "\n")
            sys.stdout.flush()
        else:
            self.line(
                text if text is not None else "  ".join(f"{name}={item}" for name, item in data.items())
            )

    def line(self, text: str = "", *, style: str | None = None) -> None:
        """A line for people alone."""
        if not self.as_json:
            self.console.print(text, style=style, markup=False)

    def piece(self, text: str) -> None:
        """Text without a line's end, as an answer arrives; for people alone."""
        if not self.as_json:
            self.console.print(text, end="", markup=False)


def exit_code(error: StreamsError) -> int:
    """The exit code for a failure."""
    if isinstance(error, Misconfigured):
        return USAGE
    return UNREACHABLE if isinstance(error, Retryable) else FAILED


def report(error: StreamsError, *, as_json: bool) -> None:
    """Says on standard error what failed, in a line, and, for a person, of what kind it is."""
    if as_json:
        problem = {"error": str(error), "code": error.code, "setting": getattr(error, "setting", None)}
        sys.stderr.write(json.dumps(problem) + "\n")
        return
    console = Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)
    console.print("error: ", style="bold red", end="")
    console.print(str(error), markup=False)
    hint = {
        Misconfigured: "Set it in the environment or in .env; `rag-streams doctor` checks every part.",
        Retryable: "`rag-streams doctor` says which part is down; `rag-streams up` runs all of them here.",
        Rejected: "",
    }
    for kind, text in hint.items():
        if isinstance(error, kind) and text:
            console.print(text, style="dim", markup=False)
