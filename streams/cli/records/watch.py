"""`watch`: what happens, as it happens."""

from __future__ import annotations

import asyncio
import json
from typing import Annotated, Literal

import typer
from pydantic import ValidationError

from streams.cli.output import Json, Output
from streams.client.here import here
from streams.kafka.consume import tail
from streams.messages.receipts import IndexReceipt
from streams.messages.records import Record
from streams.settings import Settings
from streams.wiring import connection


def watch(
    what: Annotated[Literal["answers", "indexed"], typer.Argument(help="Answer events, or index receipts.")],
    from_beginning: Annotated[
        bool, typer.Option("--from-beginning", help="Start with what is there.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Follow a topic until Ctrl-C.

    Example: `rag-streams watch indexed --json | jq .outcome`
    """
    asyncio.run(_watch(here(), what, from_beginning, Output(as_json)))


async def _watch(settings: Settings, what: str, beginning: bool, out: Output) -> None:
    topic = settings.topic_answers if what == "answers" else settings.topic_indexed
    async with tail(connection(settings), topic, beginning=beginning) as records:
        async for record in records:
            _show(record, what, out)


def _show(record: Record, what: str, out: Output) -> None:
    try:
        value = json.loads(record.value or b"null")
    except ValueError:
        value = None
    if not isinstance(value, dict):
        out.line(f"{record.at}  (not one of our messages)", style="yellow")
    elif what == "indexed":
        try:
            out.row(value, described(IndexReceipt.model_validate(value)))
        except ValidationError:
            out.line(f"{record.at}  (not one of our messages)", style="yellow")
    else:
        said = value.get("text") or value.get("code") or ""
        place = f"{value.get('attempt')}.{value.get('seq')}"
        out.row(value, f"{value.get('question_id')}  {place}  {value.get('type')}  {said}")


def described(receipt: IndexReceipt) -> str:
    """A receipt in a line."""
    counts = receipt.passages
    name = f"{receipt.tenant}/{receipt.document_id}" if receipt.document_id else str(receipt.source)
    why = f" ({receipt.reason})" if receipt.reason else ""
    passages = f"{counts.embedded} embedded, {counts.reused} reused, {counts.removed} removed"
    return f"{name}  {receipt.outcome}{why}  {passages}"
