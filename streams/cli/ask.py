"""`ask`: a question in, its answer as it arrives, then its citations."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from streams.cli.arguments import invalid, pair, place
from streams.cli.here import here
from streams.cli.output import FAILED, Json, Output
from streams.errors import Misconfigured, Retryable
from streams.kafka.connection import started
from streams.kafka.consume import tail
from streams.kafka.produce import Producer
from streams.kafka.replies import follow
from streams.messages import headers
from streams.messages.answers import AnswerCompleted, AnswerDelta, AnswerFailed, AnswerReset
from streams.messages.changes import DEFAULT_TENANT
from streams.messages.questions import DEFAULT_DEADLINE_MS, DEFAULT_TOP_K, Question
from streams.messages.reader import Event
from streams.messages.records import Outgoing
from streams.settings import Settings
from streams.worker.parts import connection, read_topics

GRACE_S = 15.0
"""How long after its deadline an answer is still waited for, as where its worker was lost."""


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


async def answers_to(settings: Settings, question: Question) -> AsyncIterator[Event]:
    """Sends the question and gives its events as they come, to the terminal one.

    Raises `Retryable` where no terminal event came in time: no worker is running.
    """
    there = connection(settings)
    producer = Producer(there, max_bytes=settings.topic_max_message_bytes, timeout_s=GRACE_S)
    async with tail(there, settings.topic_answers) as records, started(there, producer):
        value = question.model_dump_json(exclude_defaults=True).encode()
        at = await producer.send(Outgoing(_topic(settings, question), None, value, headers.versioned()))
        try:
            async with asyncio.timeout(question.deadline_ms / 1000 + GRACE_S):
                async for event in follow(records, at):
                    yield event
        except TimeoutError:
            raise Retryable(
                "no answer came by the deadline: does a worker run? See `rag-streams doctor`",
                code="no_answer",
            ) from None


def _topic(settings: Settings, question: Question) -> str:
    topics = read_topics(settings).questions
    for bound_to in (question.tenant or DEFAULT_TENANT, None):
        for topic in topics:
            if topic.tenant == bound_to:
                return topic.topic
    raise Misconfigured(
        f"no question topic takes questions of the tenant {question.tenant or DEFAULT_TENANT}: name one in"
        " STREAMS_SOURCES, or use --tenant",
        setting="STREAMS_SOURCES",
    )


async def _ask(settings: Settings, question: Question, out: Output) -> None:
    terminal: Event | None = None
    async for event in answers_to(settings, question):
        terminal = event
        if out.as_json:
            out.row(event)
        else:
            show(event, out, streamed=question.stream)
    if isinstance(terminal, AnswerFailed):
        raise typer.Exit(FAILED)


def show(event: Event, out: Output, *, streamed: bool = True) -> None:
    """One event, for a person."""
    if isinstance(event, AnswerDelta):
        out.piece(event.text)
    elif isinstance(event, AnswerReset):
        out.line(f"\n[starting over with {event.model or 'quoted passages'}: {event.reason}]", style="yellow")
    elif isinstance(event, AnswerFailed):
        out.line(f"\nno answer ({event.code}): {event.message}", style="red")
    elif isinstance(event, AnswerCompleted):
        if not streamed:
            out.piece(event.text)
        out.line()
        _citations(event, out)


def _citations(event: AnswerCompleted, out: Output) -> None:
    for citation in event.citations:
        mark = "*" if citation.cited else " "
        where = citation.url or citation.document_id
        out.line(f" {mark}[{citation.n}] {citation.title or citation.document_id}  ({where})", style="cyan")
    facts: dict[str, Any] = {
        "route": event.route, "reason": event.reason, "model": event.model, "grounded": event.grounded,
        "total": None if event.timings.total is None else f"{event.timings.total:.0f} ms",
    }  # fmt: skip
    out.line("  ".join(f"{name} {value}" for name, value in facts.items() if value is not None), style="dim")
