"""From a commit in PostgreSQL to a search that finds it: `make bench-freshness`.

A table of small rows, one passage each, is followed as `docker-compose.yml` does it. Updates are committed
at a steady rate, whatever the pipeline does meanwhile, each with a word of its own. `found` is when a search
for that word returned the row, from when the commit returned. Its parts, of every update:

    capture   the commit → the record's timestamp in Kafka (PostgreSQL, Debezium, Kafka Connect)
    queue     that → a worker begins with it
    embed     the vectors
    write     passages and head
    rest      what is left: reading, planning, and seeing it

`alone` is the baseline of the same run: the commit → a plain consumer has the record, with nothing done to
it. No index can be fresher. `own` is `found` without `embed`.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import weaviate
from aiokafka import AIOKafkaConsumer

from ops.servers.capture import Connect, Postgres
from ops.servers.launch import Kafka, Ollama, Weaviate
from ops.servers.ollama_models import import_models
from streams.answering.retrieval.retrieve import retrieve
from streams.messages.changes import document_key
from streams.messages.held import current
from streams.ports import SearchQuery
from streams.sources.keys import canonical
from tests.bench.stub import stub
from tests.following.postgresql import FollowingPostgres, composed_connect
from tests.following.table import PASSWORD

ROWS = 300
TENANT = "acme"
SECONDS = 40
"""How long updates are made at each rate."""
LOOK_S = 0.01
SEARCHED_A_SECOND = 20
"""Searches cost what they measure: at higher rates every so many updates are searched for."""
LIMIT_S = 120
PERCENTILES = (50, 95, 99)
WORDS = ("river", "stone", "cloud", "lamp", "garden", "paper", "window", "bridge")
NOWHERE = [1.0] + [0.0] * 383
"""A query's vector where words alone are searched by."""


@dataclass
class Update:
    """One update, and when each thing happened to it (seconds since the epoch)."""

    number: int
    row: int
    committed: float
    place: str | None = None
    stamped: float | None = None
    consumed: float | None = None
    readable: float | None = None
    found: float | None = None
    timings: dict = field(default_factory=dict)

    @property
    def word(self) -> str:
        return f"w{self.number}x"


class Run:
    """Updates of one rate, and those who watch for them."""

    def __init__(self, following: FollowingPostgres, every: int) -> None:
        self.following, self.every = following, every
        self.updates: dict[int, Update] = {}

    async def write(self, first: int, count: int, rate: float) -> None:
        """Commits updates at their times; one that is late does not shift the next."""
        async with await psycopg.AsyncConnection.connect(self.following.dsn, autocommit=True) as database:
            begins = time.monotonic()
            for index in range(count):
                number, row = first + index, index % ROWS + 1
                await asyncio.sleep(max(0.0, begins + index / rate - time.monotonic()))
                update = Update(number, row, 0.0)
                await database.execute(
                    "UPDATE articles SET slug = %s, body = %s WHERE id = %s",
                    (str(number), text(row, update.word), row),
                )
                update.committed = time.time()
                self.updates[number] = update

    async def consume(self) -> None:
        """What a consumer that does nothing else sees of the table's topic."""
        async for record in _tail(self.following, self.following.topic):
            seen, after = time.time(), json.loads(record.value or b"{}").get("after") or {}
            if update := await self._named(after.get("slug")):
                update.consumed, update.stamped = seen, record.timestamp / 1000
                update.place = f"{record.topic}-{record.partition}-{record.offset}"

    async def _named(self, slug: str | None) -> Update | None:
        # The record may be here before the commit's answer is.
        for _ in range(100):
            if slug is None or not slug.isdecimal():
                return None
            if update := self.updates.get(int(slug)):
                return update
            await asyncio.sleep(0.001)
        return None

    async def take_receipts(self) -> None:
        by_place: dict[str, dict] = {}
        async for record in _tail(self.following, self.following.settings.topic_indexed):
            receipt = json.loads(record.value)
            source = receipt["source"]
            by_place[f"{source['topic']}-{source['partition']}-{source['offset']}"] = receipt
            for update in self.updates.values():
                if not update.timings and update.place in by_place:
                    update.timings = by_place.pop(update.place)["timings"] or {}

    async def watch(self) -> None:
        """Reads the heads of what is not there yet, again and again; searches for what is."""
        searches = set()
        keys = {row: document_key(self.following.topic, canonical({"id": row})) for row in range(1, ROWS + 1)}
        while True:
            pending = [update for update in list(self.updates.values()) if update.readable is None]
            heads = await self.following.store.heads(list({keys[one.row] for one in pending}))
            now = time.time()
            for update in pending:
                head = current(heads.get(keys[update.row], ()))
                version = head.url.rsplit("/", 1)[1] if head and head.url else ""
                if version.isdecimal() and int(version) >= update.number:
                    update.readable = now
                    if update.number % self.every == 0:
                        searches.add(asyncio.create_task(self._search(update)))
            await asyncio.sleep(LOOK_S)

    async def _search(self, update: Update) -> None:
        query = SearchQuery(tenant=TENANT, text=update.word, vector=NOWHERE, alpha=0.0, limit=5)
        retrieved = await retrieve(self.following.store, query, wanted=5, overfetch=2, rounds=3)
        if any(update.word in one.hit.text for one in retrieved.found):
            update.found = time.time()

    def done(self) -> bool:
        return all(
            update.readable and update.consumed and update.timings
            and (update.found or update.number % self.every)
            for update in self.updates.values()
        )  # fmt: skip


async def _tail(following: FollowingPostgres, topic: str):
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=following.kafka, auto_offset_reset="latest")
    async with consumer:
        async for record in consumer:
            yield record


def text(row: int, word: str) -> str:
    """A body of about 250 characters, of which an update changes one word."""
    words = random.Random(row).choices(WORDS, k=36)
    return f"{' '.join(words)} {word}."


async def measure(following: FollowingPostgres, first: int, rate: float, seconds: float) -> list[Update]:
    """All updates of a run at `rate` a second, each seen all the way."""
    run = Run(following, every=max(1, round(rate / SEARCHED_A_SECOND)))
    watchers = [asyncio.create_task(one()) for one in (run.consume, run.take_receipts, run.watch)]
    try:
        await asyncio.sleep(2)  # until both consumers are at the end of their topics
        await run.write(first, max(30, round(rate * seconds)), rate)
        async with asyncio.timeout(LIMIT_S):
            while not run.done():
                if broken := [one for one in watchers if one.done()]:
                    broken[0].result()
                await asyncio.sleep(0.1)
    except TimeoutError:
        missing = [one for one in run.updates.values() if not (one.readable and one.timings)]
        raise RuntimeError(f"{len(missing)} updates never came: {missing[:3]}") from None
    finally:
        for watcher in watchers:
            watcher.cancel()
        await asyncio.gather(*watchers, return_exceptions=True)
    return list(run.updates.values())


def figures(updates: list[Update]) -> dict[str, list[float]]:
    """Each part's percentiles, in milliseconds."""
    found = [one for one in updates if one.found]
    parts = {
        "found": [one.found - one.committed for one in found],
        "own": [one.found - one.committed - one.timings["embedded"] / 1000 for one in found],
        "capture": [one.stamped - one.committed for one in updates],
        "queue": [one.timings["queued"] / 1000 for one in updates],
        "embed": [one.timings["embedded"] / 1000 for one in updates],
        "write": [one.timings["written"] / 1000 for one in updates],
        "rest": [one.found - one.stamped - sum(one.timings.values()) / 1000 for one in found],
        "alone": [one.consumed - one.committed for one in updates],
    }
    return {
        name: [round(at(values, share) * 1000) for share in PERCENTILES] for name, values in parts.items()
    }


def at(values: list[float], percent: float) -> float:
    """A percentile, by the nearest rank."""
    return sorted(values)[min(len(values) - 1, int(len(values) * percent / 100))]


def seconds_of_processor(pid: int) -> float:
    """What a process has used of the processors so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def show(what: str, rate: float, updates: list[Update], used_s: float, as_json: bool) -> None:  # noqa: FBT001 - passed on
    told = figures(updates)
    each_ms = round(used_s / len(updates) * 1000, 1)
    if as_json:
        print(
            json.dumps(
                {"embedder": what, "rate": rate, "updates": len(updates), "worker_cpu_ms": each_ms, **told}
            ),
            flush=True,
        )
        return
    searched = sum(one.found is not None for one in updates)
    load = os.getloadavg()[0]
    print(
        f"{what}, {rate:g}/s: {len(updates)} updates, {searched} searched for, load {load:.1f};"
        f" the worker used {each_ms} ms of a processor for each"
    )
    for name, values in told.items():
        shown = "  ".join(f"p{share} {value:>6}" for share, value in zip(PERCENTILES, values, strict=True))
        print(f"    {name:<8} {shown}", flush=True)


async def bench(
    given: argparse.Namespace, following: FollowingPostgres, what: str, rates: list[float]
) -> None:
    """One embedder: the table is filled and followed, then updated at each rate."""
    await following.open()
    try:
        following.worker.start()
        with following.connected() as database:
            for row in range(1, ROWS + 1):
                database.execute(
                    "INSERT INTO articles (id, org, slug, title, body) VALUES (%s, %s, 'first', %s, %s)",
                    (row, TENANT, f"Row {row}", text(row, "first")),
                )
        following.connect.put(following.name, following.config())
        await following.follows()
        first = 1
        for rate in rates:
            used = seconds_of_processor(following.worker.process.pid)
            updates = await measure(following, first, rate, given.seconds)
            used = seconds_of_processor(following.worker.process.pid) - used
            first += len(updates)
            show(what, rate, updates, used, given.json)
    finally:
        with contextlib.suppress(Exception):
            following.connect.forget(following.name)
        await asyncio.to_thread(following.worker.stop)
        await following.close()


def main(given: argparse.Namespace) -> None:
    here = Path(tempfile.mkdtemp(prefix="bench-freshness-"))
    with ExitStack() as servers:
        broker = servers.enter_context(Kafka(here / "kafka"))
        store = servers.enter_context(Weaviate(here / "weaviate"))
        database = servers.enter_context(Postgres(here / "postgres"))
        connect = servers.enter_context(
            Connect(here / "connect", broker.bootstrap, composed_connect(), {"CDC_PASSWORD": PASSWORD})
        )
        for what, rates in (("stub", given.rates), ("all-minilm", given.real_rates)):
            if not rates:
                continue
            folder = here / what
            folder.mkdir()
            with weaviate.connect_to_local(port=store.http_port, grpc_port=store.grpc_port) as client:
                client.collections.delete_all()
            with ExitStack() as running:
                if what == "stub":
                    url = running.enter_context(stub(embed_ms=0.0))
                else:
                    url = running.enter_context(Ollama(here / "ollama")).url
                    import_models(url)
                following = FollowingPostgres(folder, broker.bootstrap, store, url, database, connect)
                asyncio.run(bench(given, following, what, rates))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rates", type=float, nargs="*", default=[1, 10, 100], help="updates a second")
    parser.add_argument("--real-rates", type=float, nargs="*", default=[1, 10], help="with a real model")
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--json", action="store_true")
    main(parser.parse_args())
