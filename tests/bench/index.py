"""Indexing, beside its limits and beside a plain loop: `make bench-index`.

On real Kafka and Weaviate, the same texts each time: 2,000 documents, French pages and chapters of the Rust
book, then 300 real edits of these at 20 a second.

    throughput   a worker on a backlog, beside the embedder alone (batches of 32, two at a time), the store
                 alone (`insert_many` of ready vectors) and a plain loop. `of slower`: the worker's passages
                 a second over those of the slower of the two. `cores`: the same for what the processors
                 allow: those that nothing else on the machine used, over what a passage takes in all
                 processes together. `of plain`: documents a second over the plain loop's. Below, the
                 processor time of each process, which other work on the machine disturbs less.
    edits        passages embedded again; versions that were superseded before they were indexed; passages
                 left that no document has; produce → receipt.
    searchable   produce → found by a search, one small document at a time.
    two workers  over one, each with an embedder of its own.
    memory       over many small records, and with a backlog.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import statistics
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from ops.servers.launch import Kafka, Ollama, Weaviate
from ops.servers.ollama_models import import_models
from tests.bench.alone import embedder_alone, store_alone
from tests.bench.contenders import PlainLoop, Workers, running
from tests.bench.corpus import Corpus, corpus
from tests.bench.indexing import Bench, prepared, warm_up
from tests.bench.loading import Edited, Loaded, load, load_and_follow, quantile
from tests.bench.memory import before_backlog, over_many
from tests.bench.searchable import produce_to_searchable
from tests.bench.stub import Stub, running_stub, stub
from tests.bench.workers import Worker

__all__ = ["stub"]

RATES = (500, 2_000, 10_000)
SHARED_NOT = 150
"""Passages a second of each embedder where two workers are compared with one: the rest must not be scarce."""
FAST = 10_000
PARTS = ("throughput", "real", "searchable", "two", "memory")


class Report:
    """Prints a line as it is known."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json

    def __call__(self, what: str, **figures: object) -> None:
        shown = {
            name: round(value, 2) if isinstance(value, float) else value for name, value in figures.items()
        }
        if self._as_json:
            print(json.dumps({"what": what, **shown}), flush=True)
        else:
            told = "  ".join(f"{name.replace('_', ' ')} {value}" for name, value in shown.items())
            print(f"{what:<26} {told}", flush=True)


class Benches:
    """One after another, on the same servers."""

    def __init__(self, bench: Bench, given: argparse.Namespace, report: Report) -> None:
        self.bench, self.given, self.report = bench, given, report
        self.servers = {"weaviate": bench.weaviate.pid, "kafka": bench.kafka.pid}

    async def throughput(self) -> None:
        """At each rate of the stub."""
        whole = corpus(self.given.documents, self.given.edits)
        for rate in self.given.rates:
            with running_stub(rate=rate) as model:
                settings = await prepared(self.bench.environ(model.url))
                embedder, vectors = await embedder_alone(settings, whole.texts)
                store = store_alone(self.bench.weaviate, whole.texts, vectors)
                # Edits are the same at any rate; they are followed where the model is not what is waited for.
                some = whole if rate == max(self.given.rates) else replace(whole, edits=[])
                plain, plainly = await self._plain(model, some)
                ours, edited = await self._ours(model, some)
            self._throughput(f"stub {rate}/s", ours, embedder, store, plain)
            for name, one in (("plain loop", plainly), ("rag-streams", edited)):
                if one is not None:
                    self._edits(f"edits, {name}", one)

    async def real(self) -> None:
        """With a real model, on fewer pages."""
        some = corpus(self.given.real_documents, 0)
        with Ollama(self.bench.folder / "ollama") as model:
            import_models(model.url)
            environ = self.bench.environ(model.url, "all-minilm")
            settings = await prepared(environ)
            embedder, vectors = await embedder_alone(settings, some.texts)
            store = store_alone(self.bench.weaviate, some.texts, vectors)
            contender = Workers(self.bench, settings, [environ])
            async with running(contender):
                ours = await load(contender, some.pages, self.servers | {"ollama": model.pid})
        self._throughput("real embedder", ours, embedder, store, None)

    async def searchable(self) -> None:
        """Beside the plain loop."""
        with running_stub(rate=FAST) as model:
            for make in (self._plain_loop, self._workers):
                contender = await make(model)
                took = await produce_to_searchable(contender, self.given.searched)
                self.report(
                    f"searchable, {contender.name}",
                    p50_ms=round(statistics.median(took), 1),
                    p95_ms=round(quantile(took, 0.95), 1),
                )

    async def two(self) -> None:
        """Workers, each with an embedder of its own, that is what they wait for."""
        some = corpus(self.given.documents // 2, 0)
        speeds = []
        for count in (1, 2):
            with ExitStack() as running_stubs:
                models = [running_stubs.enter_context(running_stub(rate=SHARED_NOT)) for _ in range(count)]
                environ = self.bench.environ(models[0].url)
                settings = await prepared(environ)
                environs = [environ | {"STREAMS_OLLAMA_URL": model.url} for model in models]
                contender = Workers(self.bench, settings, environs)
                async with running(contender):
                    speeds.append((await load(contender, some.pages, self.servers)).passages_s)
        self.report("two workers", one=speeds[0], two=speeds[1], ratio=speeds[1] / speeds[0])

    async def memory(self) -> None:
        """Of a worker."""
        given = self.given
        with running_stub(rate=FAST) as model:
            settings, worker = await self._worker(model)
            grown = await over_many(settings, worker, given.records, given.small_documents, given.limit)
            self.report(
                f"{grown.records} small records",
                largest_mb=round(grown.largest, 1),
                grown_mb=round(grown.grown, 1),
                records_s=round(grown.records / grown.seconds),
            )
            settings, worker = await self._worker(model)
            largest = await before_backlog(settings, worker, given.backlog, given.watch)
            self.report(f"backlog of {given.backlog}", largest_mb=round(largest, 1))

    async def _worker(self, model: Stub):
        environ = self.bench.environ(model.url)
        return await prepared(environ), Worker(self.bench.folder, environ, roles="index")

    async def _workers(self, model: Stub) -> Workers:
        environ = self.bench.environ(model.url)
        return Workers(self.bench, await prepared(environ), [environ])

    async def _plain_loop(self, model: Stub) -> PlainLoop:
        return PlainLoop(self.bench, await prepared(self.bench.environ(model.url)))

    async def _ours(self, model: Stub, some: Corpus) -> tuple[Loaded, Edited | None]:
        return await load_and_follow(await self._workers(model), some, self.servers | {"stub": model.pid})

    async def _plain(self, model: Stub, some: Corpus) -> tuple[Loaded, Edited | None]:
        return await load_and_follow(await self._plain_loop(model), some, self.servers | {"stub": model.pid})

    def _throughput(
        self, what: str, ours: Loaded, embedder: float, store: float, plain: Loaded | None
    ) -> None:
        slower = min(embedder, store)
        bound = ours.used.bound(ours.passages)
        beside = (
            {"of plain": ours.documents_s / plain.documents_s, "plain/s": plain.passages_s} if plain else {}
        )
        self.report(
            what,
            **{
                "passages/s": round(ours.passages_s),
                "embedder/s": round(embedder),
                "store/s": round(store),
                "of slower": ours.passages_s / slower,
                "cores/s": round(bound),
                "of the least": ours.passages_s / min(slower, bound),
                **beside,
            },
        )
        for name, loaded in (("rag-streams", ours), ("plain loop", plain)):
            if loaded is not None:
                each = {n: 1000 * s / loaded.passages for n, s in loaded.used.processes.items()}
                others = loaded.used.others / loaded.used.wall_s
                self.report(
                    f"  ms a passage, {name}",
                    **each,
                    sum=sum(each.values()),
                    passages_a_document=loaded.passages / loaded.documents,
                    sum_a_document=sum(each.values()) * loaded.passages / loaded.documents,
                    cores_of_others=others,
                )

    def _edits(self, what: str, edited: Edited) -> None:
        self.report(
            what,
            embedded_again=edited.share,
            superseded=edited.skipped,
            left=edited.left,
            receipt_p50_ms=round(edited.p50, 1),
            receipt_p95_ms=round(edited.p95, 1),
        )


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", choices=PARTS, default=PARTS)
    parser.add_argument("--documents", type=int, default=2_000)
    parser.add_argument("--edits", type=int, default=300)
    parser.add_argument("--rates", type=int, nargs="*", default=RATES, help="passages a second of the stub")
    parser.add_argument("--real-documents", type=int, default=120)
    parser.add_argument("--searched", type=int, default=100)
    parser.add_argument("--records", type=int, default=100_000, help="small ones; the target names 1000000")
    parser.add_argument("--small-documents", type=int, default=5_000)
    parser.add_argument("--limit", type=float, default=600, help="seconds for the small records")
    parser.add_argument("--backlog", type=int, default=100_000)
    parser.add_argument("--watch", type=float, default=40, help="seconds for which the backlog is watched")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def main() -> None:
    given = arguments()
    # A broker that elects a leader for a new topic is reported as an error, and tried again.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    here = Path(tempfile.mkdtemp(prefix="bench-index-"))
    with Kafka(here / "kafka") as broker, Weaviate(here / "weaviate") as store:
        benches = Benches(Bench(here, broker, store), given, Report(as_json=given.json))
        parts: dict[str, Callable] = {part: getattr(benches, part) for part in given.only}
        asyncio.run(warm_up(benches.bench))
        for run in parts.values():
            asyncio.run(run())


if __name__ == "__main__":
    main()
