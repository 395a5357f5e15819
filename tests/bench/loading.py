"""Loading a corpus and following its edits: how fast, and with how much embedded again."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

from aiokafka import AIOKafkaProducer

from tests.bench.contenders import Contender, Watch, running
from tests.bench.corpus import Corpus, Page
from tests.bench.indexing import produce
from tests.bench.meter import Meter, Used

EDITS_A_SECOND = 20


@dataclass(frozen=True)
class Loaded:
    """A backlog worked off: its documents and passages, and what that took, from the first to be produced."""

    documents: int
    passages: int
    seconds: float
    used: Used

    @property
    def passages_s(self) -> float:
        return self.passages / self.seconds

    @property
    def documents_s(self) -> float:
        return self.documents / self.seconds


@dataclass(frozen=True)
class Edited:
    """Edits followed: of all their passages, those embedded again; versions that were never indexed;
    passages that questions may be given and that no document has; ms from an edit to what it says of it."""

    share: float
    skipped: int
    left: int
    p50: float
    p95: float


def quantile(values: Sequence[float], share: float) -> float:
    """By the nearest rank."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


async def load(contender: Contender, pages: Sequence[Page], pids: dict[str, int]) -> Loaded:
    """Has a contender that waits already index these pages, all there at once."""
    async with Watch(contender) as watch:
        meter, began = Meter(pids | contender.pids), time.monotonic()
        await produce(contender.settings, pages)
        done = await watch.until(len(pages))
        used = meter.read()
    passages = sum(one.embedded for one in done)
    return Loaded(len(pages), passages, max(one.at for one in done) - began, used)


async def follow(contender: Contender, edits: Sequence[Page], before: int) -> Edited:
    """Produces the edits at their pace; `before` records were produced before them."""
    sent: dict[tuple[int, int], float] = {}
    settings = contender.settings
    async with (
        Watch(contender) as watch,
        AIOKafkaProducer(bootstrap_servers=settings.kafka, max_request_size=8 << 20) as producer,
    ):
        await watch.until(before)
        begins = time.monotonic()
        for number, page in enumerate(edits):
            await asyncio.sleep(max(0.0, begins + number / EDITS_A_SECOND - time.monotonic()))
            at = time.monotonic()
            held = await producer.send_and_wait(settings.topic_changes, page.value, page.key)
            sent[held.partition, held.offset] = at
        done = [one for one in await watch.until(before + len(edits)) if one.place in sent]
    took = [(one.at - sent[one.place]) * 1000 for one in done]
    latest = {page.id: page for page in edits}
    kept = [one for one in done if not one.skipped]
    return Edited(
        share=sum(one.embedded for one in kept) / sum(one.passages for one in kept),
        skipped=len(done) - len(kept),
        left=sum([await contender.left(page) for page in latest.values()]),
        p50=statistics.median(took),
        p95=quantile(took, 0.95),
    )


async def load_and_follow(
    contender: Contender, corpus: Corpus, pids: dict[str, int]
) -> tuple[Loaded, Edited | None]:
    """Both, one after the other; no edits: none."""
    async with running(contender):
        loaded = await load(contender, corpus.pages, pids)
        edited = await follow(contender, corpus.edits, len(corpus.pages)) if corpus.edits else None
    return loaded, edited
