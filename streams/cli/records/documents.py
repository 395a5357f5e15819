"""`put` and `delete`: documents as files, changes as records."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from streams.cli.arguments import invalid, pair
from streams.cli.output import Json, Output
from streams.cli.records import files
from streams.client.here import here
from streams.errors import Misconfigured, Rejected, Retryable
from streams.kafka.connection import started
from streams.kafka.consume import tail
from streams.kafka.produce import Producer
from streams.messages import headers
from streams.messages.changes import DEFAULT_TENANT, DocumentChange
from streams.messages.receipts import IndexReceipt
from streams.messages.records import Outgoing, Record
from streams.settings import Settings
from streams.wiring import connection, read_topics

SEND_S = 30.0
"""How long Kafka may take to accept a record."""
RECEIPT_S = 120.0
"""How long no receipt may come while some are missing."""

Tenant = Annotated[str, typer.Option(help="The tenant that the documents belong to.")]


def put(
    paths: Annotated[
        list[Path], typer.Argument(help="Files, or folders of text, Markdown, HTML and PDF files.")
    ],
    tenant: Tenant = DEFAULT_TENANT,
    id: Annotated[str | None, typer.Option(help="The document's id, for one file; else its path.")] = None,  # noqa: A002 - the option's name
    reader: Annotated[
        list[str] | None, typer.Option(help="A principal that may read it; repeat. Else all.")
    ] = None,
    metadata: Annotated[list[str] | None, typer.Option(help="`name=value`, to filter by; repeat.")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Return when all of it is applied.")] = False,
    jsonl: Annotated[
        bool, typer.Option("--jsonl", help="The files hold one change a line, as JSON.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Write documents to the change topic, and print where each went; with --wait, what became of each.

    Example: `rag-streams put docs/`, `rag-streams put --tenant acme --reader group:support notes.md`
    """
    total = None
    if jsonl:
        if id or reader or metadata:
            raise typer.BadParameter("with --jsonl each line names its own id, readers and metadata")
        changes: Iterable[DocumentChange] = (change for path in paths for change in files.lines(path))
    else:
        found = files.find(paths)
        if id and len(found) > 1:
            raise typer.BadParameter(f"--id is for one file, and these are {len(found)}")
        named, total = [files.Found(found[0].path, id)] if id else found, len(found)
        pairs = dict(pair("--metadata", item) for item in metadata or [])
        changes = (files.document(one, tenant=tenant, readers=reader or [], metadata=pairs) for one in named)
    asyncio.run(_send(here(), changes, tenant, Output(as_json), wait=wait, total=total))


def delete(
    ids: Annotated[list[str], typer.Argument(help="Document ids.")],
    tenant: Tenant = DEFAULT_TENANT,
    wait: Annotated[bool, typer.Option("--wait", help="Return when all of it is applied.")] = False,
    as_json: Json = False,
) -> None:
    """Delete documents: they can't be found from the moment that the deletion is applied.

    Example: `rag-streams delete kb/42 --tenant acme`
    """
    try:
        changes = [DocumentChange(id=one, op="delete", tenant=tenant) for one in ids]
    except ValidationError as error:
        raise invalid(error) from None
    asyncio.run(_send(here(), changes, tenant, Output(as_json), wait=wait, total=len(changes)))


def record(change: DocumentChange, *, topic: str, tenant: str) -> Outgoing:
    """The record that carries a native change: key `TENANT/ID`, the fields that were set."""
    owner = change.tenant or tenant
    value = change.model_dump_json(exclude_defaults=True, exclude_none=True)
    return Outgoing(topic, f"{owner}/{change.id}".encode(), value.encode(), headers.versioned())


async def _send(
    settings: Settings,
    changes: Iterable[DocumentChange],
    tenant: str,
    out: Output,
    *,
    wait: bool,
    total: int | None,
) -> None:
    topic, there = _source(settings, tenant), connection(settings)
    wanted = Producer(there, max_bytes=settings.topic_max_message_bytes, timeout_s=SEND_S)
    sent: dict[str, str] = {}
    watched = tail(there, settings.topic_indexed) if wait else nullcontext(_none())
    async with watched as receipts, started(there, wanted) as producer:
        with _progress(out) as progress:
            sending = progress.add_task("sent", total=total)
            for change in changes:
                try:
                    at = await producer.send(record(change, topic=topic, tenant=tenant))
                except Rejected as error:
                    raise Rejected(f"{change.id}: {error}", code=error.code) from None
                sent[str(at)] = change.id
                out.row({"id": change.id, **at.model_dump()}, f"{at}  {change.op} {change.id}")
                progress.advance(sending)
            if wait:
                await _wait(receipts, sent, out, progress)


async def _wait(
    receipts: AsyncIterator[Record], sent: Mapping[str, str], out: Output, progress: Progress
) -> None:
    """Shows the receipt of each change as it comes. Raises `Rejected` where one is dead."""
    applying, dead = progress.add_task("applied", total=len(sent)), []
    async for receipt in applied(receipts, set(sent)):
        reason = f" ({receipt.reason})" if receipt.reason else ""
        out.row(receipt, f"{receipt.source}  {receipt.outcome}{reason} {sent[str(receipt.source)]}")
        progress.advance(applying)
        if receipt.outcome == "dead":
            dead.append(f"{sent[str(receipt.source)]} ({receipt.reason})")
    out.line(f"all {len(sent)} are applied")
    if dead:
        raise Rejected(f"dead letters: {', '.join(dead)}; see `rag-streams dead list`", code="dead")


def _progress(out: Output) -> Progress:
    """Two bars, for people who watch: they are gone at the end."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(
        *columns, console=out.console, transient=True, disable=out.as_json or not out.console.is_terminal
    )


def _source(settings: Settings, tenant: str) -> str:
    """The topic on which a worker looks for this tenant's documents in the native format."""
    native = [source for source in read_topics(settings).sources if source.format == "native"]
    for bound_to in (tenant, None):
        for source in native:
            if source.tenant == bound_to:
                return source.topic
    raise Misconfigured(
        f"no native source takes documents of the tenant {tenant}: name one in STREAMS_SOURCES, or use"
        " --tenant",
        setting="STREAMS_SOURCES",
    )


async def _none() -> AsyncIterator[Record]:
    return
    yield


async def applied(receipts: AsyncIterator[Record], places: set[str]) -> AsyncIterator[IndexReceipt]:
    """The receipts of the records at these places, as they come.

    Raises `Retryable` where none comes for long.
    """
    missing = set(places)
    while missing:
        try:
            async with asyncio.timeout(RECEIPT_S):
                receipt = IndexReceipt.model_validate_json((await anext(receipts)).value or b"")
        except TimeoutError:
            raise Retryable(
                f"{len(missing)} changes have no receipt yet: does a worker run? They are not lost",
                code="no_receipt",
            ) from None
        if str(receipt.source) in missing:
            missing.discard(str(receipt.source))
            yield receipt
