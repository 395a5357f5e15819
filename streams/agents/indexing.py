"""The indexing agent: a record's changes to the indexer, and a receipt for each record."""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable, Mapping, Sequence
from uuid import UUID

from streams.agents.app import AppConfig, attach, create_app
from streams.agents.followed import Followed, Traces
from streams.agents.lifecycle import Agent, Outdated, never
from streams.agents.member import Member
from streams.agents.producing import Producing
from streams.agents.pump.backoff import Random
from streams.agents.pump.delivery import Delivery
from streams.agents.pump.dependency import Canary
from streams.agents.pump.pump import Pump
from streams.agents.pump.work import Combined, Ended, Fetch, Kept, PumpSettings
from streams.agents.receipts import (
    Row,
    applied_row,
    bare_receipt,
    ended_row,
    named,
    outgoing_receipt,
    superseded_row,
    total,
)
from streams.agents.superseding import supersede
from streams.errors import Rejected
from streams.indexing.applied import Applies
from streams.indexing.vacuum.vacuum import remembered_since
from streams.messages.changes import Change, Ignored, Said
from streams.messages.dead import original, refuse_older
from streams.messages.receipts import IndexReceipt
from streams.messages.records import Record
from streams.ports import Now, Observed, Observer, unobserved

logger = logging.getLogger(__name__)

Decode = Callable[[Record], tuple[Said, ...]]
"""What a record says. Pure. Raises `Rejected`."""

FetchFor = Callable[[Record], Fetch | None]
"""What has to be fetched before a record can be decoded; None where nothing has to be."""


def nothing_to_fetch(_record: Record) -> Fetch | None:
    """For sources whose records are decoded as they are."""
    return None


GivenUp = Callable[[UUID], None]
"""Told of each document a change of which is a dead letter."""


def unmoved(_key: UUID) -> None:
    """For indexers that keep nothing between the attempts at a document."""


class Indexing:
    """The work of the indexing group: see `streams.agents.pump.work.Work`."""

    def __init__(
        self,
        decode: Decode,
        indexer: Applies,
        *,
        retry_topic: str,
        receipts_topic: str,
        embed_model: Callable[[], str],
        deliver: Delivery,
        now: Now,
        observe: Observer,
        fetch: FetchFor = nothing_to_fetch,
        given_up: GivenUp = unmoved,
    ) -> None:
        self._decode, self._indexer, self._retry_topic = decode, indexer, retry_topic
        self._fetch, self._given_up = fetch, given_up
        self._receipts_topic, self._embed_model = receipts_topic, embed_model
        self._deliver, self._now, self._observe = deliver, now, observe

    def fetch(self, record: Record) -> Fetch | None:
        """What the record's decoding needs; nothing where it is refused anyway."""
        try:
            return self._fetch(self._first_stood(record))
        except Rejected:
            return None

    def prepare(self, record: Record) -> Sequence[tuple[Hashable, Said]]:
        """Each change, ordered by its document, or its source's floor; what says nothing in no order."""
        said = self._decode(self._first_stood(record))
        return [
            ((record.at, index) if isinstance(one, Ignored) else one.key, one)
            for index, one in enumerate(said)
        ]

    def keep(self, record: Record, _items: Sequence[Said]) -> Kept:
        """All of the record."""
        return Kept(record, record.held)

    def combine(self, waiting: Sequence[Said]) -> Combined:
        """The changes of a document that wait become the latest of them, where that can be told."""
        changes = [one for one in waiting if isinstance(one, Change)]
        return supersede(changes) if changes else Combined()

    def superseded(self, item: Said) -> Row:
        """Ignored, as a later change stands for it."""
        return superseded_row(item)

    async def handle(self, item: Said) -> Row:
        """Applies a change."""
        if isinstance(item, Ignored):
            return Row("ignored", item.reason, documents=0)
        began = self._now()
        applied = await self._indexer.apply(item)
        return applied_row(item, applied, began)

    async def conclude(self, record: Record, ended: Sequence[Ended[Said, Row]]) -> None:
        """Sends the record's receipt."""
        for end in ended:
            if isinstance(end.item, Change) and isinstance(end.outcome, Rejected):
                self._given_up(end.item.key)
        receipt = self._receipt(record, total([ended_row(end) for end in ended]))
        await self._send(receipt, record)
        labels = {"outcome": receipt.outcome, "reason": receipt.reason or ""}
        self._observe(Observed("receipts", labels=labels))
        if receipt.timings is not None:
            self._observe(Observed("queued_seconds", receipt.timings.queued / 1000))
        if receipt.changed_at is not None and receipt.outcome in {"indexed", "unchanged", "deleted"}:
            age = receipt.indexed_at - receipt.changed_at
            self._observe(Observed("freshness_seconds", max(0.0, age.total_seconds())))

    async def _send(self, receipt: IndexReceipt, record: Record) -> None:
        try:
            await self._deliver(outgoing_receipt(receipt, record, self._receipts_topic))
        except Rejected:
            logger.warning("a receipt is too large, and is sent without the document's id and tenant")
            await self._deliver(bare_receipt(receipt, self._receipts_topic))

    def _first_stood(self, record: Record) -> Record:
        if record.topic != self._retry_topic:
            return record
        stood = original(record)
        refuse_older(record, remembered_since(self._now()))
        return stood

    def _receipt(self, record: Record, row: Row) -> IndexReceipt:
        return IndexReceipt(
            document_id=row.document_id,
            tenant=row.tenant,
            outcome=row.outcome,
            reason=row.reason,
            source=self._source(record).at,
            position=None if row.position is None else str(row.position),
            documents=row.documents,
            passages=row.passages,
            embed_model=self._embed_model() if row.outcome in {"indexed", "unchanged"} else None,
            changed_at=row.changed_at,
            indexed_at=self._now(),
            timings=row.timings,
        )

    def _source(self, record: Record) -> Record:
        if record.topic != self._retry_topic:
            return record
        try:
            return original(record)
        except Rejected:
            return record


def indexing_agent(
    config: AppConfig,
    *,
    topics: Sequence[str],
    retry_topic: str,
    receipts_topic: str,
    decode: Decode,
    indexer: Applies,
    embed_model: Callable[[], str],
    canary: Canary,
    settings: PumpSettings,
    now: Now,
    random: Random,
    observe: Observer = unobserved,
    outdated: Outdated = never,
    fetch: FetchFor = nothing_to_fetch,
    given_up: GivenUp = unmoved,
    supply: Canary | None = None,
    traces: Traces | None = None,
) -> Agent:
    """A fresh app, not yet started, that indexes what is on the source topics and the retry topic.

    `outdated` returns when there are others. `supply` is the canary of what `fetch` fetches from.
    """
    app = create_app(config)
    produce = Producing(app)
    work = Indexing(
        decode,
        indexer,
        retry_topic=retry_topic,
        receipts_topic=receipts_topic,
        embed_model=embed_model,
        deliver=Delivery.of(produce, settings, random),
        now=now,
        observe=observe,
        fetch=fetch,
        given_up=given_up,
    )
    pump = Pump(
        Member(app), Followed(work, traces=traces, says=_says), settings,
        produce=produce, canary=canary, supply=supply, now=now, random=random, observe=observe,
    )  # fmt: skip
    attach(app, (*topics, retry_topic), pump)
    return Agent(app, pump, outdated)


def _says(item: Said | None, row: Row | Rejected) -> Mapping[str, str]:
    """What a change's span says."""
    if isinstance(row, Rejected):
        tenant, document_id = named(item) if isinstance(item, Change) else (None, None)
        said = {"outcome": "dead", "reason": row.code, "tenant": tenant, "document.id": document_id}
    else:
        said = {"outcome": row.outcome, "reason": row.reason, "tenant": row.tenant}
        said["document.id"] = row.document_id
    return {name: text for name, text in said.items() if text is not None}
