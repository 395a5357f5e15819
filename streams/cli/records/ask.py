"""`ask`: a question in, its answer as it arrives, then its citations."""

from __future__ import annotations

import asyncio
import uuid
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from streams.cli.arguments import invalid, pair, place
from streams.cli.output import FAILED, Json, Output
from streams.client import Client
from streams.client.here import here
from streams.messages.answers import AnswerCompleted, AnswerDelta, AnswerFailed, AnswerReset
from streams.messages.questions import DEFAULT_DEADLINE_MS, DEFAULT_TOP_K, Question
from streams.messages.reader import Event, Shown
from streams.settings import Settings


def ask(
    text: Annotated[str, typer.Argument(help="The question.")],
    tenant: Annotated[str | None, typer.Option(help="The tenant whose documents are asked.")] = None,
    principal: Annotated[
        list[str] | None, typer.Option(help="Who asks, as in a document's readers; repeat.")
    ] = None,
    where: Annotated[
        list[str] | None, typer.Option("--filter", help="`name=value` of the metadata; repeat.")
    ] = None,
    top_k: Annotated[int, typer.Option(help="Passages to answer from.")] = DEFAULT_TOP_K,
    deadline_ms: Annotated[
        int, typer.Option(help="Milliseconds in which the answer must have ended.")
    ] = DEFAULT_DEADLINE_MS,
    after: Annotated[
        list[str] | None,
        typer.Option(help="TOPIC-PARTITION-OFFSET that the index must have dealt with; repeat."),
    ] = None,
    allow_stale: Annotated[
        bool, typer.Option("--allow-stale", help="Answer even if --after is not reached.")
    ] = False,
    stream: Annotated[bool, typer.Option(help="Show the answer as it arrives.")] = True,
    as_json: Json = False,
) -> None:
    """Ask a question; print the answer as it arrives, then its citations.

    Example: `rag-streams ask "How do I reset my password?" --tenant acme --principal group:support`
    """
    filters = dict(pair("--filter", item) for item in where or [])
    places = [place("--after", item) for item in after or []]
    given = {
        "id": str(uuid.uuid4()), "text": text, "tenant": tenant, "principals": principal or [],
        "filters": filters, "top_k": top_k, "deadline_ms": deadline_ms, "stream": stream, "after": places,
        "allow_stale": allow_stale,
    }  # fmt: skip
    try:
        question = Question.model_validate(given)
    except ValidationError as error:
        raise invalid(error) from None
    asyncio.run(_ask(here(), question, Output(as_json)))


async def _ask(settings: Settings, question: Question, out: Output) -> None:
    terminal, display = None, Display(out)
    async with Client(settings) as client:
        async for event in client.answer(question).events():
            terminal = event
            if out.as_json:
                out.row(event)
            else:
                display.show(event)
    if isinstance(terminal, AnswerFailed):
        raise typer.Exit(FAILED)


class Display:
    """The events of one answer, for a person."""

    def __init__(self, out: Output) -> None:
        self._out, self._shown = out, Shown()

    def show(self, event: Event) -> None:
        """Prints the next one."""
        if isinstance(event, AnswerDelta):
            self._shown.add(event)
            self._out.piece(event.text)
        elif isinstance(event, AnswerReset):
            self._start_over(event.model, event.reason)
        elif isinstance(event, AnswerFailed):
            self._out.line(f"\nno answer ({event.code}): {event.message}", style="red")
        elif isinstance(event, AnswerCompleted):
            self._end(event)

    def _start_over(self, model: str | None, reason: str) -> None:
        self._shown.forget()
        self._out.line(f"\n[starting over with {model or 'quoted passages'}: {reason}]", style="yellow")

    def _end(self, completed: AnswerCompleted) -> None:
        text, instead = self._shown.left(completed)
        if instead:
            self._start_over(completed.model, "another attempt had ended before")
        self._out.piece(text)
        self._out.line()
        _citations(completed, self._out)


def _citations(event: AnswerCompleted, out: Output) -> None:
    for citation in event.citations:
        mark = "*" if citation.cited else " "
        where = citation.url or citation.document_id
        out.line(f" {mark}[{citation.n}] {citation.title or citation.document_id}  ({where})", style="cyan")
    facts: dict[str, Any] = {
        "route": event.route, "reason": event.reason, "model": event.model, "grounded": event.grounded,
        "truncated": event.truncated or None,
        "total": None if event.timings.total is None else f"{event.timings.total:.0f} ms",
    }  # fmt: skip
    out.line("  ".join(f"{name} {value}" for name, value in facts.items() if value is not None), style="dim")
