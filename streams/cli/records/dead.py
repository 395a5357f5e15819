"""`dead`: dead letters listed, shown, sent back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

import typer

from streams.cli.output import FAILED, Json, Output
from streams.client.here import here
from streams.errors import Rejected, Retryable
from streams.indexing.vacuum.vacuum import remembered_since
from streams.kafka import dead as letters
from streams.kafka.connection import started
from streams.kafka.dead import DeadLetter, Replayed
from streams.kafka.produce import Producer
from streams.messages.records import Offset
from streams.settings import Settings
from streams.wiring import connection
from streams.worker.parts import utc_now

app = typer.Typer(help="Records that could not be processed.", no_args_is_help=True)

SHOWN_BYTES = 4000
SEND_S = 30.0
"""How long Kafka may take to accept a record."""
Code = Annotated[str | None, typer.Option(help="Only those with this code.")]
Questions = Annotated[bool, typer.Option("--questions", help="Those of questions, not of documents.")]


@app.command("list")
def list_letters(
    code: Code = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 100,
    questions: Questions = False,
    as_json: Json = False,
) -> None:
    """List the dead letters that are there now.

    Example: `rag-streams dead list --code invalid_change`
    """
    asyncio.run(_list(here(), questions, code, limit, Output(as_json)))


@app.command()
def show(
    place: Annotated[str, typer.Argument(help="TOPIC-PARTITION-OFFSET, as `dead list` prints it.")],
    as_json: Json = False,
) -> None:
    """Show one dead letter, its record and its headers.

    Example: `rag-streams dead show documents.dead-0-17`
    """
    asyncio.run(_show(here(), place, Output(as_json)))


@app.command()
def replay(
    places: Annotated[
        list[str] | None, typer.Argument(help="TOPIC-PARTITION-OFFSET of each; else give --code.")
    ] = None,
    code: Code = None,
    questions: Questions = False,
    as_json: Json = False,
) -> None:
    """Send dead letters back, once their cause is mended. A change keeps its old position.

    Exits 3 where Kafka does not take one within 30 s, and says how many were sent back.

    Example: `rag-streams dead replay --code unmapped`
    """
    if bool(places) == bool(code):
        raise typer.BadParameter("name the dead letters, or give --code")
    asyncio.run(_replay(here(), places or [], code, questions, Output(as_json)))


def _topics(settings: Settings, *, questions: bool) -> tuple[str, str]:
    if questions:
        return settings.topic_questions_dead, settings.topic_questions_retry
    return settings.topic_documents_dead, settings.topic_documents_retry


async def _list(settings: Settings, questions: bool, code: str | None, limit: int, out: Output) -> None:
    topic, _ = _topics(settings, questions=questions)
    found = 0
    async for letter in letters.read(connection(settings), topic, limit=limit, code=code):
        found += 1
        out.row(_row(letter), f"{letter.at}  {letter.code}  from {letter.source}  {letter.message}")
    if not found:
        out.line(f"no dead letters on {topic}")


async def _show(settings: Settings, place: str, out: Output) -> None:
    at = _place(settings, place)
    letter = await letters.show(connection(settings), at)
    if letter is None:
        raise Rejected(f"there is no dead letter at {at}: see `rag-streams dead list`", code="absent")
    record = letter.record
    row = _row(letter) | {
        "key": _text(record.key),
        "value": _text(record.value),
        "headers": [[name, _text(value)] for name, value in record.headers],
    }
    lines = [f"{name}: {value}" for name, value in _row(letter).items() if value is not None]
    lines += [
        f"header {name}: {_text(value)}" for name, value in record.headers if not name.startswith("dead-")
    ]
    lines += [f"key: {_text(record.key)}", f"value: {(_text(record.value) or '')[:SHOWN_BYTES]}"]
    out.row(row, "\n".join(lines))


async def _replay(
    settings: Settings, places: list[str], code: str | None, questions: bool, out: Output
) -> None:
    there = connection(settings)
    asked = [_place(settings, place) for place in places]
    if len({at.topic for at in asked}) > 1:
        raise typer.BadParameter("send back dead letters of documents and of questions one after the other")
    of_questions = asked[0].topic == settings.topic_questions_dead if asked else questions
    topic, retry = _topics(settings, questions=of_questions)
    chosen: list[Offset] | AsyncIterator[DeadLetter] = asked or letters.read(there, topic, code=code)
    wanted = Producer(there, max_bytes=2 * settings.topic_max_message_bytes, timeout_s=SEND_S)
    async with started(there, wanted) as producer:
        oldest = None if of_questions else remembered_since(utc_now())
        replaying = letters.replay(there, chosen, send=producer.send, retry_topic=retry, oldest=oldest)
        refused = await _each(replaying, out)
    if refused:
        raise typer.Exit(FAILED)


async def _each(replaying: AsyncIterator[Replayed], out: Output) -> int:
    """Prints what becomes of each; how many were refused. Raises `Retryable` where Kafka leaves."""
    sent = refused = 0
    try:
        async for done in replaying:
            sent, refused = sent + (done.sent is not None), refused + (done.refused is not None)
            became = f"sent to {done.sent}" if done.sent else f"not sent: {done.refused}"
            row = {
                "from": str(done.letter.at),
                "to": done.sent and str(done.sent),
                "refused": done.refused and str(done.refused),
            }
            out.row(row, f"{done.letter.at}  {became}")
    except Retryable as error:
        raise Retryable(
            f"{sent} sent back, then, of the next one, which may be sent, too: {error}", code=error.code
        ) from error
    return refused


def _place(settings: Settings, place: str) -> Offset:
    topic = (
        settings.topic_questions_dead
        if place.startswith(settings.topic_questions_dead)
        else settings.topic_documents_dead
    )
    return letters.place(place, topic)


def _row(letter: DeadLetter) -> dict[str, Any]:
    return {
        "at": str(letter.at), "code": letter.code, "message": letter.message, "source": letter.source,
        "attempts": letter.attempts, "died": letter.died, "truncated": letter.truncated,
    }  # fmt: skip


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode(errors="replace")
