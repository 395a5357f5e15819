"""Indexing, beside its two limits: `make bench-index`.

On real Kafka and Weaviate, the same French pages each time. `pipeline` is a worker from its first receipt
to its last; `embedder` embeds the same passages alone, in batches of 32, two at a time; `store` inserts them
with ready vectors by `insert_many`. The ratio is the pipeline's speed over the slower of the two.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from contextlib import ExitStack, contextmanager
from pathlib import Path

import weaviate
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from weaviate.classes.config import Configure, DataType, Property

from ops.servers.launch import Kafka, Ollama, Weaviate
from ops.servers.ollama_models import import_models
from streams import settings as configuration
from streams.indexing.chunk import Chunking, chunk
from streams.kafka import topics
from streams.ollama.client import OllamaClient
from streams.ollama.embedder import open_embedder
from streams.worker.parts import connection, ollama_config, topic_plan
from tests.bench.workers import Worker

ROOT = Path(__file__).parents[2]
BATCH = 32
LOW_RATE_RECORDS = 60
BACKLOG = 100_000


@contextmanager
def stub(**options: float):
    """A stand-in for Ollama with a known embedding time; gives its URL."""
    command = [sys.executable, str(ROOT / "tests/bench/stub_ollama.py")]
    command += [
        part for name, value in options.items() for part in (f"--{name.replace('_', '-')}", str(value))
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()


class Bench:
    """One Kafka, one Weaviate, and worker after worker on topics of their own."""

    def __init__(self, folder: Path, kafka: str, server: Weaviate) -> None:
        self.folder, self.kafka, self.weaviate = folder, kafka, server

    def environ(self, url: str, model: str) -> dict[str, str]:
        """A run's settings: its own topics and groups, Weaviate emptied."""
        run = uuid.uuid4().hex[:6]
        names = (
            "CHANGES",
            "INDEXED",
            "DOCUMENTS_DEAD",
            "DOCUMENTS_RETRY",
            "QUESTIONS",
            "QUESTIONS_DEAD",
            "QUESTIONS_RETRY",
            "QUESTIONS_DONE",
            "ANSWERS",
        )
        with weaviate.connect_to_local(
            port=self.weaviate.http_port, grpc_port=self.weaviate.grpc_port
        ) as client:
            client.collections.delete_all()
        return {
            "STREAMS_KAFKA_BOOTSTRAP_SERVERS": self.kafka,
            "STREAMS_WEAVIATE_URL": self.weaviate.url,
            "STREAMS_WEAVIATE_GRPC_PORT": str(self.weaviate.grpc_port),
            "STREAMS_OLLAMA_URL": url,
            "STREAMS_EMBED_MODEL": model,
            "STREAMS_EMBED_DIMENSION": "384",
            "STREAMS_TOPIC_PARTITIONS": "4",
            "STREAMS_GROUP": run,
            **{f"STREAMS_TOPIC_{name}": f"{run}.{name.lower()}" for name in names},
        }


def settings_of(environ: dict[str, str]):
    for name in [name for name in os.environ if name.startswith("STREAMS_")]:
        if name not in configuration.BESIDES:
            del os.environ[name]
    os.environ.update(environ)
    return configuration.load(env_file=None)


async def produce(settings, records: list[tuple[str, bytes]]) -> list[str]:
    producer = AIOKafkaProducer(bootstrap_servers=settings.kafka, max_request_size=8 << 20, linger_ms=5)
    await producer.start()
    try:
        futures = [await producer.send(settings.topic_changes, value, key.encode()) for key, value in records]
        return [f"{at.topic}-{at.partition}-{at.offset}" for at in [await future for future in futures]]
    finally:
        await producer.stop()


async def receipts(settings, count: int) -> dict[str, tuple[float, dict]]:
    """The first `count` receipts, each with when it arrived."""
    consumer = AIOKafkaConsumer(
        settings.topic_indexed,
        bootstrap_servers=settings.kafka,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    await consumer.start()
    got: dict[str, tuple[float, dict]] = {}
    try:
        while len(got) < count:
            for messages in (await consumer.getmany(timeout_ms=500)).values():
                for message in messages:
                    value = json.loads(message.value)
                    source = value["source"]
                    got[f"{source['topic']}-{source['partition']}-{source['offset']}"] = (
                        time.monotonic(),
                        value,
                    )
    finally:
        await consumer.stop()
    return got


async def pipeline(
    settings, environ: dict[str, str], folder: Path, records: list[tuple[str, bytes]]
) -> tuple[float, dict]:
    """Passages a second of one worker over a backlog, timed between its first and its last receipt."""
    await topics.create(connection(settings), topics.wanted(topic_plan(settings)))
    await produce(settings, records)
    worker = Worker(folder, environ, roles="index").start()
    try:
        got = await receipts(settings, len(records))
    finally:
        await asyncio.to_thread(worker.stop)
    times = sorted(at for at, _ in got.values())
    passages = sum(value["passages"]["embedded"] for _, value in got.values())
    first = min(got.values(), key=lambda one: one[0])[1]["passages"]["embedded"]
    return (passages - first) / (times[-1] - times[0]), {"passages": passages}


async def embedder_alone(settings, texts: list[str]) -> float:
    """Passages a second of the embedder, two batches of 32 at a time."""
    async with OllamaClient(ollama_config(settings)) as client:
        embedder = await open_embedder(client, settings.embed_model, settings.embed_dimension)
        batches = iter([texts[begin : begin + BATCH] for begin in range(0, len(texts), BATCH)])

        async def one() -> None:
            for batch in batches:
                await embedder.embed_documents(batch)

        began = time.monotonic()
        await asyncio.gather(one(), one())
        return len(texts) / (time.monotonic() - began)


def store_alone(server: Weaviate, texts: list[str]) -> float:
    """Passages a second of `insert_many` with ready vectors, 500 at a time."""
    with weaviate.connect_to_local(port=server.http_port, grpc_port=server.grpc_port) as client:
        client.collections.delete_all()
        client.collections.create(
            "Alone",
            properties=[Property(name="text", data_type=DataType.TEXT)],
            vector_config=Configure.Vectors.self_provided(),
            multi_tenancy_config=Configure.multi_tenancy(enabled=True, auto_tenant_creation=True),
        )
        from stub_ollama import vector

        objects = [
            weaviate.classes.data.DataObject(properties={"text": text}, vector=vector(text)) for text in texts
        ]
        of_tenant = client.collections.use("Alone").with_tenant("default")
        began = time.monotonic()
        for begin in range(0, len(objects), 500):
            of_tenant.data.insert_many(objects[begin : begin + 500])
        took = time.monotonic() - began
        client.collections.delete_all()
    return len(texts) / took


async def low_rate(settings, environ: dict[str, str], folder: Path) -> list[float]:
    """Milliseconds from produce to receipt, one small change at a time."""
    await topics.create(connection(settings), topics.wanted(topic_plan(settings)))
    worker = Worker(folder, environ, roles="index").start()
    producer = AIOKafkaProducer(bootstrap_servers=settings.kafka)
    consumer = AIOKafkaConsumer(
        settings.topic_indexed,
        bootstrap_servers=settings.kafka,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    await producer.start()
    await consumer.start()
    try:
        await asyncio.to_thread(worker.ready)
        took = []
        for number in range(LOW_RATE_RECORDS):
            value = json.dumps(
                {"id": f"d{number}", "text": f"A small document about subject {number}."}
            ).encode()
            began = time.monotonic()
            await producer.send_and_wait(settings.topic_changes, value, f"default/d{number}".encode())
            await consumer.getone()
            took.append((time.monotonic() - began) * 1000)
            await asyncio.sleep(0.05)
        return took[5:]
    finally:
        await producer.stop()
        await consumer.stop()
        await asyncio.to_thread(worker.stop)


async def backlog_memory(
    settings, environ: dict[str, str], folder: Path, count: int, watch_s: float
) -> float:
    """The largest resident memory, in MB, of a worker that starts on a backlog of `count` records."""
    await topics.create(connection(settings), topics.wanted(topic_plan(settings)))
    text = "A paragraph of some length that stands for a page. " * 16
    await produce(
        settings,
        [
            (f"default/b{n}", json.dumps({"id": f"b{n}", "text": f"{n} {text}"}).encode())
            for n in range(count)
        ],
    )
    worker = Worker(folder, environ, roles="index").start()
    try:
        await asyncio.to_thread(worker.ready)
        until, largest = time.monotonic() + watch_s, 0.0
        while time.monotonic() < until:
            largest = max(largest, worker.resident_mb())
            await asyncio.sleep(0.25)
        return largest
    finally:
        await asyncio.to_thread(worker.kill)


def line(what: str, figures: dict, as_json: bool) -> None:  # noqa: FBT001 - passed on
    print(
        json.dumps({"what": what, **figures})
        if as_json
        else f"{what:<28} " + "  ".join(f"{name} {value}" for name, value in figures.items()),
        flush=True,
    )


async def main(given: argparse.Namespace, bench: Bench, ollama: str | None) -> None:
    data = Path(os.environ.get("STREAMS_TEST_DATA") or ROOT.parent / "shared" / "data")
    with (data / "ir/servicepublic-fr/corpus.jsonl").open() as lines:
        pages = [json.loads(text) for text in lines][: given.pages]
    records = [
        (f"default/{page['_id']}", json.dumps({"id": page["_id"], "text": page["text"]}).encode())
        for page in pages
    ]
    chunking = Chunking(max_tokens=512, target_chars=800)
    texts = [
        piece.text
        for page in pages
        for piece in chunk(page["text"], media_type="text/plain", chunking=chunking)
    ]
    store = store_alone(bench.weaviate, texts)
    kinds = [
        ("stub 0 ms", {"embed_ms": 0.0}),
        ("stub 20 ms a batch of 32", {"embed_ms": 20.0}),
        ("real", None),
    ]
    for what, options in kinds:
        if options is None and ollama is None:
            continue
        some = len(records) if options is not None else given.real_pages
        with ExitStack() as running:
            url = running.enter_context(stub(**options)) if options is not None else ollama
            environ = bench.environ(url, "stub-embed" if options is not None else "all-minilm")
            settings = settings_of(environ)
            share = (
                texts
                if options is not None
                else [
                    p.text
                    for page in pages[:some]
                    for p in chunk(page["text"], media_type="text/plain", chunking=chunking)
                ]
            )
            alone = await embedder_alone(settings, share)
            speed, facts = await pipeline(settings, environ, bench.folder, records[:some])
            slower = min(alone, store)
            figures = {
                "pipeline/s": round(speed, 1),
                "embedder/s": round(alone, 1),
                "store/s": round(store, 1),
                "ratio": round(speed / slower, 2),
                **facts,
            }
            line(what, figures, given.json)
    with stub(embed_ms=0.0) as url:
        environ = bench.environ(url, "stub-embed")
        took = sorted(await low_rate(settings_of(environ), environ, bench.folder))
        line(
            "produce to receipt, ms",
            {"p50": round(statistics.median(took), 1), "p95": round(took[int(len(took) * 0.95)], 1)},
            given.json,
        )
        environ = bench.environ(url, "stub-embed")
        largest = await backlog_memory(
            settings_of(environ), environ, bench.folder, given.backlog, given.watch
        )
        line(f"backlog of {given.backlog}", {"resident_mb": round(largest, 1)}, given.json)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pages", type=int, default=600)
    parser.add_argument("--real-pages", type=int, default=60)
    parser.add_argument("--backlog", type=int, default=BACKLOG)
    parser.add_argument(
        "--watch", type=float, default=40, help="seconds for which the backlog's worker is watched"
    )
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    here = Path(tempfile.mkdtemp(prefix="bench-index-"))
    with ExitStack() as servers:
        broker = servers.enter_context(Kafka(here / "kafka"))
        store_server = servers.enter_context(Weaviate(here / "weaviate"))
        model_server = servers.enter_context(Ollama(here / "ollama"))
        import_models(model_server.url)
        asyncio.run(main(given, Bench(here, broker.bootstrap, store_server), model_server.url))
