"""`put` and `delete`: documents as files, changes as records."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from streams.cli import files
from streams.cli.here import here
from streams.cli.output import Json, Output
from streams.errors import Rejected
from streams.kafka.connection import started
from streams.kafka.produce import Producer
from streams.messages import headers
from streams.messages.changes import DEFAULT_TENANT, DocumentChange
from streams.messages.records import Outgoing
from streams.settings import Settings
from streams.worker.parts import connection

SEND_S = 30.0
"""How long Kafka may take to accept a record."""

Tenant = Annotated[str, typer.Option(help="The tenant that the documents belong to.")]


def put(
    paths: Annotated[list[Path], typer.Argument(help="Files, or folders of Markdown and text files.")],
    tenant: Tenant = DEFAULT_TENANT,
    id: Annotated[str | None, typer.Option(help="The document's id, for one file; else its path.")] = None,  # noqa: A002 - the option's name
    reader: Annotated[
        list[str] | None, typer.Option(help="A principal that may read it; repeat. Else all.")
    ] = None,
    metadata: Annotated[list[str] | None, typer.Option(help="`name=value`, to filter by; repeat.")] = None,
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
        pairs = dict(_pair(item) for item in metadata or [])
        changes = (files.document(one, tenant=tenant, readers=reader or [], metadata=pairs) for one in named)
    asyncio.run(_send(here(), changes, tenant, Output(as_json)))


def delete(
    ids: Annotated[list[str], typer.Argument(help="Document ids.")],
    tenant: Tenant = DEFAULT_TENANT,
    as_json: Json = False,
) -> None:
    """Delete documents: they can't be found from the moment that the deletion is applied.

    Example: `rag-streams delete kb/42 --tenant acme`
    """
    changes = (DocumentChange(id=one, op="delete", tenant=tenant) for one in ids)
    asyncio.run(_send(here(), changes, tenant, Output(as_json)))


def record(change: DocumentChange, *, topic: str, tenant: str) -> Outgoing:
    """The record that carries a native change: key `TENANT/ID`, the fields that were set."""
    owner = change.tenant or tenant
    value = change.model_dump_json(exclude_defaults=True, exclude_none=True)
    return Outgoing(topic, f"{owner}/{change.id}".encode(), value.encode(), headers.versioned())


async def _send(settings: Settings, changes: Iterable[DocumentChange], tenant: str, out: Output) -> None:
    there = connection(settings)
    wanted = Producer(there, max_bytes=settings.topic_max_message_bytes, timeout_s=SEND_S)
    async with started(there, wanted) as producer:
        for change in changes:
            try:
                at = await producer.send(record(change, topic=settings.topic_changes, tenant=tenant))
            except Rejected as error:
                raise Rejected(f"{change.id}: {error}", code=error.code) from None
            out.row({"id": change.id, **at.model_dump()}, f"{at}  {change.op} {change.id}")


def _pair(item: str) -> tuple[str, str]:
    name, equals, value = item.partition("=")
    if not name or not equals:
        raise typer.BadParameter(f"--metadata wants name=value, not {item!r}")
    return name, value
