"""`/v1/history`: what became of a document."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from datetime import datetime
from typing import Annotated

from aiokafka.partitioner import DefaultPartitioner
from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel

from streams.errors import Rejected, Retryable
from streams.gateway.access.doorkeeper import Reader
from streams.gateway.access.keys import Key
from streams.gateway.endpoints.documents import OfSource, named, place
from streams.gateway.openapi.responses import LOOKED_UP
from streams.gateway.parts import Parts
from streams.gateway.reading.feed import receipt_of
from streams.gateway.reading.lookup import Found, all_readable, too_old
from streams.kafka.backwards import backwards
from streams.messages.receipts import IndexReceipt
from streams.messages.records import Offset, Record

PREFIX = "/v1/history/"
LIMIT_S = 10.0
"""How long receipts are looked through for one request."""

router = APIRouter(tags=["operations"])


class HeadShown(BaseModel):
    """The document at one position."""

    position: str
    deleted: bool
    indexed_at: datetime
    source: Offset
    passage_count: int


class History(BaseModel):
    """A document's receipts, newest first, and its heads that are still held."""

    id: str
    tenant: str
    receipts: list[IndexReceipt]
    heads: list[HeadShown]
    complete: bool


@router.get("/v1/history/{document_id:path}", summary="What became of a document", responses=LOOKED_UP)
async def history(
    request: Request,
    key: Reader,
    document_id: Annotated[str, Depends(named(PREFIX))],
    limit: Annotated[int, Query(ge=1, le=200, description="Receipts at most.")] = 50,
    source: OfSource = None,
) -> History:
    """Of a document that the key may read; with the scope `admin`, also of what is gone or not for it.

    Then all that has this id is shown, of every source, unless one is named.
    """
    parts: Parts = request.app.state.parts
    if "admin" in key.scopes:
        found = await parts.lookup.heads(key.tenant, document_id, source)
        receipts, complete = await _receipts_of(parts, key, document_id, source, limit)
    else:
        receipts, complete, found = await _readable_past(parts, key, document_id, source, limit)
    if not receipts and not found.heads:
        if not found.whole:
            raise too_old()
        if not complete:
            raise Retryable("what became of it can't be read in time; try again", code="not_read")
        raise Rejected("nothing is known of such a document", code="absent")
    shown = [
        HeadShown(
            position=str(head.position), deleted=head.deleted, indexed_at=head.written, source=place(head),
            passage_count=len(head.passages),
        )
        for head in sorted(found.heads, key=lambda head: head.position, reverse=True)
    ]  # fmt: skip
    return History(
        id=document_id, tenant=key.tenant, receipts=receipts, heads=shown,
        complete=complete and found.whole,
    )  # fmt: skip


async def _readable_past(
    parts: Parts, key: Key, id_: str, source: str | None, limit: int
) -> tuple[list[IndexReceipt], bool, Found]:
    """Receipts and heads of the one document that the key may read, and of no other of its id."""
    document = await parts.lookup.readable(key, id_, source)
    found = await parts.lookup.heads(key.tenant, id_, document.source)
    heads = [head for head in found.heads if head.document_key == document.document_key]
    standing = await parts.lookup.standing(key.tenant, [id_])
    if not all_readable(key, standing.get(id_, ()), document.source):
        return [], False, Found(heads, found.whole)
    receipts, complete = await _receipts_of(parts, key, id_, document.source, limit)
    return receipts, complete, Found(heads, found.whole)


async def _receipts_of(
    parts: Parts, key: Key, id_: str, source: str | None, limit: int
) -> tuple[list[IndexReceipt], bool]:
    """The last receipts of the id, newest first, and whether there was time to look through all."""
    topic, wanted = parts.settings.topic_indexed, f"{key.tenant}/{id_}".encode()
    found: list[IndexReceipt] = []

    def of_it(record: Record) -> IndexReceipt | None:
        receipt = receipt_of(record, key.tenant) if record.key == wanted else None
        ours = receipt is not None and receipt.document_id == id_ and source in {None, receipt.source.topic}
        return receipt if ours else None

    try:
        async with parts.asking.scans.turn(key.id), asyncio.timeout(LIMIT_S):
            numbers = list(range(await parts.asking.partitions(topic)))
            there = DefaultPartitioner()(wanted, numbers, numbers)
            reading = backwards(parts.connection, topic, of_it, partitions=[there])
            async with aclosing(reading) as receipts:
                async for receipt in receipts:
                    found.append(receipt)
                    if len(found) == limit:
                        break
    except TimeoutError:
        return found, False
    return found, True
