"""Receipts: what became of a record's changes, in one message."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from streams.agents.pump.work import Ended
from streams.errors import Rejected
from streams.indexing.applied import Applied
from streams.messages.changes import Change, Document, Ignored, Said, Truncation
from streams.messages.headers import TRACE, along, versioned
from streams.messages.position import Position
from streams.messages.receipts import IndexReceipt, IndexTimings, Outcome, PassageCounts
from streams.messages.records import Outgoing, Record

WORST_FIRST: tuple[Outcome, ...] = ("dead", "indexed", "deleted", "unchanged", "ignored")
NONE = PassageCounts()


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a receipt: what became of one change."""

    outcome: Outcome
    reason: str | None = None
    tenant: str | None = None
    document_id: str | None = None
    position: Position | None = None
    passages: PassageCounts = NONE
    changed_at: datetime | None = None
    documents: int = 1
    timings: IndexTimings | None = None


def superseded_row(said: Said) -> Row:
    """The row of what a later change stands for."""
    if isinstance(said, Ignored):
        return Row("ignored", said.reason, documents=0)
    if isinstance(said, Truncation):
        return Row("ignored", "superseded", changed_at=said.changed_at, documents=0)
    tenant, document_id = named(said)
    return Row("ignored", "superseded", tenant, document_id, changed_at=said.changed_at)


def applied_row(said: Change | Truncation, applied: Applied, began: datetime) -> Row:
    """The row of what was applied, from `began` on."""
    return Row(
        applied.outcome,
        applied.reason,
        applied.tenant,
        applied.document_id,
        applied.position,
        applied.passages,
        said.changed_at,
        documents=int(isinstance(said, Change)),
        timings=_timings(said.timestamp, began, applied),
    )


def ended_row(end: Ended[Said, Row]) -> Row:
    """The row of how a part of a record ended."""
    if not isinstance(end.outcome, Rejected):
        return end.outcome
    if not isinstance(end.item, Change):
        return Row("dead", end.outcome.code, documents=0)
    tenant, document_id = named(end.item)
    return Row("dead", end.outcome.code, tenant, document_id, changed_at=end.item.changed_at)


def _timings(timestamp: int, began: datetime, applied: Applied) -> IndexTimings:
    """`timestamp` is Kafka's, in milliseconds; a worker's clock that is behind the broker's has waited 0."""
    return IndexTimings(
        queued=max(0.0, round(began.timestamp() * 1000 - timestamp, 1)),
        embedded=round(applied.embed_s * 1000, 1),
        written=round(applied.write_s * 1000, 1),
    )


def named(change: Change) -> tuple[str | None, str | None]:
    """The tenant and the id of the document that it is about, as far as it says."""
    if isinstance(change.document, Document):
        return change.document.tenant, change.document.id
    return change.tenant, change.document_id


def total(rows: Sequence[Row]) -> Row:
    """One row for a record: its only one, or the worst, with all passages counted and no document named."""
    if len(rows) == 1:
        return rows[0]
    worst = min(rows, key=lambda row: WORST_FIRST.index(row.outcome), default=Row("ignored", "empty"))
    return Row(
        worst.outcome,
        worst.reason,
        passages=PassageCounts(
            total=sum(row.passages.total for row in rows),
            embedded=sum(row.passages.embedded for row in rows),
            reused=sum(row.passages.reused for row in rows),
            removed=sum(row.passages.removed for row in rows),
        ),
        documents=sum(row.documents for row in rows),
    )


def outgoing_receipt(receipt: IndexReceipt, record: Record, topic: str) -> Outgoing:
    """The receipt of `record`, on its way."""
    known = receipt.tenant is not None and receipt.document_id is not None
    key = f"{receipt.tenant}/{receipt.document_id}" if known else str(receipt.source)
    return Outgoing(
        topic,
        key.encode("utf-8", "replace"),
        receipt.model_dump_json().encode(),
        versioned(*along(record.headers, TRACE)),
    )


def bare_receipt(receipt: IndexReceipt, topic: str) -> Outgoing:
    """The receipt without what its record chose: it has the same few hundred bytes for any record."""
    bare = receipt.model_copy(update={"tenant": None, "document_id": None})
    return Outgoing(topic, str(receipt.source).encode(), bare.model_dump_json().encode(), versioned())
