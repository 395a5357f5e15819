"""The indexing agent's work: a receipt for each record, whatever became of it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from streams.agents.indexing import Indexing
from streams.agents.pump.backoff import Backoff
from streams.agents.pump.delivery import Delivery
from streams.errors import Rejected
from streams.messages.changes import Change, Document, Ignored, Truncation, document_key
from streams.messages.dead import dead_letter, size_of
from streams.messages.position import Position
from streams.messages.receipts import IndexReceipt, IndexTimings, PassageCounts
from streams.messages.records import Offset, Record
from tests.agents.group import AT, Bench

CHANGED = datetime(2026, 11, 22, 9, tzinfo=UTC)
POSITION = Position(1, 2, 3, 4)


@dataclass(frozen=True)
class Applied:
    """What the indexer says."""

    outcome: str = "indexed"
    reason: str | None = None
    tenant: str | None = "acme"
    document_id: str | None = "kb/1"
    position: Position | None = POSITION
    passages: PassageCounts = PassageCounts(total=3, embedded=1, reused=2, removed=1)  # noqa: RUF009 - frozen
    embed_s: float = 0.05
    write_s: float = 0.0021


@dataclass
class Told:
    """An indexer that does as a record's words say."""

    applied: list = field(default_factory=list)
    long: str | None = None

    async def apply(self, change):
        self.applied.append(change)
        if isinstance(change, Truncation):
            return Applied("deleted", None, None, None, POSITION, PassageCounts())
        word = change.row["word"]
        if word == "refused":
            raise Rejected("cannot be parsed", code="unparseable")
        document_id = self.long or "kb/1"
        return Applied(outcome=word, reason="stale" if word == "ignored" else None, document_id=document_id)


def decode(record):
    """A record's words are its changes: each is what becomes of it; `heartbeat` says nothing."""
    words = json.loads(record.value)
    said = {
        "heartbeat": Ignored("heartbeat"),
        "truncate": Truncation(record.topic, record.at, record.timestamp, changed_at=CHANGED),
    }
    return tuple(said.get(word) or change(record, f"kb/{n}", word) for n, word in enumerate(words, 1))


def change(record, document_id, word):
    document = None if word == "deleted" else Document("acme", document_id, "some text")
    return Change(
        source=record.topic,
        record_key=f"{record.topic} {document_id}",
        at=record.at,
        timestamp=record.timestamp,
        document=document,
        tenant="acme",
        document_id=document_id,
        changed_at=CHANGED,
        row={"word": word},
    )


class Desk(Bench):
    """The pump with the indexing work, and the receipts that it sent."""

    def __init__(self, max_bytes=1_000_000):
        async def produce(outgoing):
            if size_of(outgoing.key, outgoing.value, outgoing.headers) > max_bytes:
                raise Rejected("larger than the topic takes", code="too_large")
            self.produced.append(outgoing)

        self.indexer, self.observed, self.given_up = Told(), [], []
        work = Indexing(
            decode,
            self.indexer,
            retry_topic="documents.retry",
            receipts_topic="documents.indexed",
            embed_model=lambda: "nomic",
            deliver=Delivery(produce, Backoff(0.001, 0.001, lambda: 0)),
            now=lambda: AT,
            observe=self.observed.append,
            given_up=self.given_up.append,
        )
        super().__init__(work, produce=produce, retry_topics=frozenset({"documents.retry"}))

    async def until(self, said, limit_s=5.0):
        self.work.moved = self.group.changed
        await super().until(said, limit_s)

    def receipts(self):
        return [outgoing for outgoing in self.produced if outgoing.topic == "documents.indexed"]


async def receipt_of(*words, **record):
    async with Desk() as desk:
        desk.deliver(json.dumps(words).encode(), **record)
        await desk.committed(1)
    (outgoing,) = desk.receipts()
    return IndexReceipt.model_validate_json(outgoing.value), outgoing


@pytest.mark.parametrize("outcome", ["indexed", "unchanged", "deleted", "ignored"])
async def test_a_receipt_says_what_became_of_a_record(outcome):
    receipt, outgoing = await receipt_of(outcome, timestamp=int(AT.timestamp() * 1000) - 250)
    assert receipt == IndexReceipt(
        document_id="kb/1",
        tenant="acme",
        outcome=outcome,
        reason="stale" if outcome == "ignored" else None,
        source=Offset(topic="t", partition=0, offset=0),
        position=str(POSITION),
        documents=1,
        passages=PassageCounts(total=3, embedded=1, reused=2, removed=1),
        embed_model="nomic" if outcome in {"indexed", "unchanged"} else None,
        changed_at=CHANGED,
        indexed_at=AT,
        timings=IndexTimings(queued=250, embedded=50, written=2.1),
    )
    assert outgoing.key == b"acme/kb/1"
    assert outgoing.headers == (("schema-version", b"1"),)


async def test_documents_of_dead_letters_are_given_up_and_no_others():
    async with Desk() as desk:
        desk.deliver(json.dumps(["indexed", "refused", "heartbeat"]).encode())
        await desk.committed(1)
    assert desk.given_up == [document_key("t", "t kb/2")]


async def test_a_broker_whose_clock_is_ahead_makes_no_time_negative():
    receipt, _ = await receipt_of("indexed", timestamp=int(AT.timestamp() * 1000) + 250)
    assert receipt.timings.queued == 0


@pytest.mark.parametrize(
    ("word", "fresh"), [("indexed", 3600.0), ("deleted", 3600.0), ("ignored", None), ("heartbeat", None)]
)
async def test_how_old_a_change_is_when_it_can_be_found_is_measured(word, fresh):
    async with Desk() as desk:
        desk.deliver(json.dumps([word]).encode())
        await desk.committed(1)
    measured = {event.name: event.value for event in desk.observed}
    assert measured.get("freshness_seconds") == fresh
    assert ("queued_seconds" in measured) is (word != "heartbeat")


async def test_the_trace_goes_on_in_the_receipt():
    trace = (("traceparent", b"00-abc"), ("tracestate", b"x=1"))
    _, outgoing = await receipt_of("indexed", headers=(*trace, ("other", b"1")))
    assert outgoing.headers == (("schema-version", b"1"), *trace)


@pytest.mark.parametrize(
    "headers",
    [
        [("tracestate", b"x" * 900_000), ("traceparent", b"00-abc")],
        [*(("tracestate", b"x=1"),) * 30_000, ("traceparent", b"00-abc"), ("tracestate", b"x" * 5_000)],
    ],
)
async def test_a_trace_that_would_outgrow_the_receipts_topic_does_not_go_on(headers):
    _, outgoing = await receipt_of("indexed", headers=headers)
    kept = {name: value for name, value in headers if len(value) <= 4096}
    assert dict(outgoing.headers) == {"schema-version": b"1"} | kept
    assert len(outgoing.headers) == 1 + len(kept)


async def test_a_receipt_that_its_document_makes_too_large_names_none():
    async with Desk(max_bytes=1_000) as desk:
        desk.indexer.long = "kb/" + "x" * 2_000
        desk.deliver(b'["deleted"]')
        await desk.committed(1)
    (outgoing,) = desk.receipts()
    receipt = IndexReceipt.model_validate_json(outgoing.value)
    assert (outgoing.key, receipt.document_id, receipt.tenant) == (b"t-0-0", None, None)
    assert receipt.outcome == "deleted"


async def test_a_record_that_says_nothing_of_a_document_has_a_receipt_too():
    receipt, outgoing = await receipt_of("heartbeat")
    assert (receipt.outcome, receipt.reason, receipt.documents) == ("ignored", "heartbeat", 0)
    assert outgoing.key == b"t-0-0"


async def test_a_truncation_has_a_receipt_that_names_no_document_and_counts_none():
    receipt, outgoing = await receipt_of("truncate")
    assert (receipt.outcome, receipt.reason, receipt.documents) == ("deleted", None, 0)
    assert (receipt.document_id, receipt.tenant, receipt.embed_model) == (None, None, None)
    assert (receipt.position, receipt.changed_at) == (str(POSITION), CHANGED)
    assert outgoing.key == b"t-0-0"


async def test_truncations_that_wait_are_all_applied_and_documents_do_not_wait_for_them():
    async with Desk() as desk:
        for words in (b'["truncate"]', b'["indexed"]', b'["truncate"]'):
            desk.deliver(words)
        await desk.committed(3)
    assert sorted((type(one).__name__, one.at.offset) for one in desk.indexer.applied) == [
        ("Change", 1), ("Truncation", 0), ("Truncation", 2),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "worst", "reason"),
    [
        (["ignored", "unchanged", "deleted", "indexed", "refused"], "dead", "unparseable"),
        (["ignored", "unchanged", "deleted", "indexed"], "indexed", None),
        (["ignored", "unchanged", "deleted"], "deleted", None),
        (["ignored", "unchanged"], "unchanged", None),
        (["ignored", "ignored"], "ignored", "stale"),
    ],
)
async def test_a_record_with_several_rows_has_one_receipt_with_its_worst_outcome(words, worst, reason):
    receipt, outgoing = await receipt_of(*words)
    assert (receipt.outcome, receipt.reason, receipt.documents) == (worst, reason, len(words))
    assert (receipt.document_id, receipt.tenant, outgoing.key) == (None, None, b"t-0-0")
    rows = len(words) - ("refused" in words)
    assert receipt.passages.total == 3 * rows


async def test_a_refused_record_has_a_dead_letter_and_a_receipt():
    async with Desk() as desk:
        desk.deliver(b'["refused"]')
        await desk.committed(1)
    letter, sent = desk.produced
    assert letter.topic == "dead"
    receipt = IndexReceipt.model_validate_json(sent.value)
    assert (receipt.outcome, receipt.reason, receipt.document_id) == ("dead", "unparseable", "kb/1")
    assert (receipt.passages, receipt.embed_model) == (PassageCounts(), None)


async def test_a_record_that_cannot_be_read_has_them_too():
    async with Desk() as desk:
        desk.deliver(b"{")
        await desk.committed(1)
    receipt = IndexReceipt.model_validate_json(desk.receipts()[0].value)
    assert (receipt.outcome, receipt.reason, receipt.document_id) == ("dead", "failed", None)


async def test_a_dead_letter_sent_back_is_applied_as_what_it_first_was():
    first = Record("cms.articles", 3, 77, 5_000, b"k", b'["indexed"]', (("own", b"1"),))
    letter = dead_letter(
        first, Rejected("x", code="x"), attempts=1, at=AT, topic="documents.dead", max_bytes=10_000
    )
    async with Desk() as desk:
        desk.deliver(letter.value, key=letter.key, headers=letter.headers, topic="documents.retry")
        await desk.committed(1, topic="documents.retry")
    (change_,) = desk.indexer.applied
    assert (change_.source, change_.at, change_.timestamp) == ("cms.articles", first.at, 5_000)
    assert IndexReceipt.model_validate_json(desk.receipts()[0].value).source == first.at


async def test_a_dead_letter_that_was_sent_back_after_deletions_are_forgotten_is_not_applied():
    first = Record("cms.articles", 3, 77, 5_000, b"k", b'["indexed"]')
    letter = dead_letter(
        first, Rejected("x", code="x"), attempts=1, at=AT - timedelta(days=45), topic="documents.dead",
        max_bytes=10_000,
    )  # fmt: skip
    async with Desk() as desk:
        desk.deliver(letter.value, key=letter.key, headers=letter.headers, topic="documents.retry")
        await desk.committed(1, topic="documents.retry")
    assert not desk.indexer.applied
    receipt = IndexReceipt.model_validate_json(desk.receipts()[0].value)
    assert (receipt.outcome, receipt.reason, receipt.source) == ("dead", "too_old", first.at)


async def test_a_record_on_the_retry_topic_that_says_not_where_it_stood_is_a_dead_letter():
    async with Desk() as desk:
        desk.deliver(b'["indexed"]', topic="documents.retry")
        await desk.committed(1, topic="documents.retry")
    assert not desk.indexer.applied
    receipt = IndexReceipt.model_validate_json(desk.receipts()[0].value)
    assert (receipt.outcome, receipt.reason) == ("dead", "invalid_retry")
    assert receipt.source.topic == "documents.retry"


async def test_changes_of_one_document_that_wait_become_the_last_each_with_a_receipt():
    async with Desk() as desk:
        # All are taken before the first is begun: nothing is awaited in between.
        for _ in range(3):
            desk.deliver(b'["indexed"]')
        await desk.committed(3)
    said = {
        (receipt.source.offset, receipt.outcome, receipt.reason)
        for receipt in (IndexReceipt.model_validate_json(outgoing.value) for outgoing in desk.receipts())
    }
    last = desk.indexer.applied[-1].at.offset
    assert last == 2
    assert len(desk.indexer.applied) < 3
    superseded = {offset for offset, _, reason in said if reason == "superseded"}
    assert superseded == {0, 1, 2} - {one.at.offset for one in desk.indexer.applied}
