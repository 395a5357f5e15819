"""`put` and `delete`: documents as files, changes as records."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from streams.cli import files
from streams.cli.arguments import invalid, pair
from streams.cli.output import Json, Output
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
from streams.worker.parts import connection, read_topics

SEND_S = 30.0
"""How long Kafka may take to accept a record."""
RECEIPT_S = 120.0
"""How long no receipt may come while some are missing."""

Tenant = Annotated[str, typer.Option(help="The tenant that the documents belong to.")]


def put(
    paths: Annotated[list[Path], typer.Argument(help="Files, or folders of Markdown and text files.")],
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
    """Write documents to the change topic, and print where each went.

    Example: `rag-streams put docs/`, `rag-streams put --tenant acme --reader group:support notes.md`
    """
    if jsonl:
        changes: Iterable[DocumentChange] = (change for path in paths for change in files.lines(path))
    else:
        found = files.find(paths)
        if id and len(found) > 1:
            raise typer.BadParameter(f"--id is for one file, and these are {len(found)}")
        named = [files.Found(found[0].path, id)] if id else found
        pairs = dict(pair("--metadata", item) for item in metadata or [])
        changes = (files.document(one, tenant=tenant, readers=reader or [], metadata=pairs) for one in named)
    asyncio.run(_send(here(), changes, tenant, Output(as_json), wait=wait))


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
    asyncio.run(_send(here(), changes, tenant, Output(as_json), wait=wait))


def record(change: DocumentChange, *, topic: str, tenant: str) -> Outgoing:
    """The record that carries a native change: key `TENANT/ID`, the fields that were set."""
    owner = change.tenant or tenant
    value = change.model_dump_json(exclude_defaults=True, exclude_none=True)
    return Outgoing(topic, f"{owner}/{change.id}".encode(), value.encode(), headers.versioned())


async def _send(
    settings: Settings, changes: Iterable[DocumentChange], tenant: str, out: Output, *, wait: bool
) -> None:
    topic, there = _source(settings, tenant), connection(settings)
    wanted = Producer(there, max_bytes=settings.topic_max_message_bytes, timeout_s=SEND_S)
    sent: dict[str, str] = {}
    watched = tail(there, settings.topic_indexed) if wait else nullcontext(_none())
    async with watched as receipts, started(there, wanted) as producer:
        for change in changes:
            try:
                at = await producer.send(record(change, topic=topic, tenant=tenant))
            except Rejected as error:
                raise Rejected(f"{change.id}: {error}", code=error.code) from None
            sent[str(at)] = change.id
            out.row({"id": change.id, **at.model_dump()}, f"{at}  {change.op} {change.id}")
        if wait:
            dead = [one async for one in applied(receipts, set(sent)) if one.outcome == "dead"]
            out.line(f"all {len(sent)} are applied")
            if dead:
                reasons = ", ".join(f"{sent[str(one.source)]} ({one.reason})" for one in dead)
                raise Rejected(f"dead letters: {reasons}; see `rag-streams dead list`", code="dead")


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
