"""The main job on real servers and real input: `make main-job`.

Two workers index every page of the French set through `documents.changes`, answer its questions over
`questions`, and follow the first edits of a book; one worker is killed in the middle of each. Every event
is checked against the schemas and the rules, the index against a pure replay, and what was edited away or
deleted is searched for.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import os
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import jsonschema
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from ops.servers.launch import Kafka, Ollama, Weaviate
from ops.servers.ollama_models import import_models
from streams import settings as configuration
from streams import sources
from streams.answering.retrieval.retrieve import retrieve
from streams.kafka import topics
from streams.messages.receipts import IndexReceipt
from streams.messages.records import Offset, Record
from streams.ollama.client import OllamaClient
from streams.ollama.embedder import open_embedder
from streams.ports import SearchQuery
from streams.wiring import connection, read_topics, topic_plan
from streams.worker.parts import chunking_of, ollama_config, open_store
from tests.apart import weaviate_settings
from tests.bench.workers import Worker
from tests.checker import index_differences, once, unaccounted
from tests.unit.answering.rules import check_events

ROOT = Path(__file__).parents[2]


def pages(data: Path, count: int | None) -> list[tuple[bytes, dict]]:
    """The French pages as records: key and value."""
    with (data / "ir/servicepublic-fr/corpus.jsonl").open() as lines:
        found = [json.loads(line) for line in lines][:count]
    return [
        (
            f"default/{page['_id']}".encode(),
            {"id": page["_id"], "title": page["title"] or None, "text": page["text"], "language": "fr"},
        )
        for page in found
    ]


def edits(data: Path, count: int) -> list[tuple[bytes, dict]]:
    """The book's first edits, oldest first."""
    with gzip.open(data / "edits/rust-book-a.jsonl.gz", "rt") as lines:
        found = [json.loads(next(lines)) for _ in range(count)]
    return [(f"book/{edit['path']}".encode(), _edit(edit)) for edit in found]


def _edit(edit: dict) -> dict:
    if edit["op"] == "d":
        return {"id": edit["path"], "op": "delete", "tenant": "book"}
    return {"id": edit["path"], "text": edit["after"], "media_type": "text/markdown", "tenant": "book"}


class Job:
    """The servers, the workers, and all that was sent and came back."""

    def __init__(
        self,
        folder: Path,
        kafka: str,
        weaviate: Weaviate,
        ollama: str,
        set_environment=os.environ.__setitem__,
    ) -> None:
        self.folder = folder
        self.environ = {
            "STREAMS_KAFKA_BOOTSTRAP_SERVERS": kafka,
            **weaviate_settings(weaviate),
            # The Weaviate may be shared with those of another Kafka.
            "STREAMS_INDEX_NAME": "MainJob",
            "STREAMS_OLLAMA_URL": ollama,
            "STREAMS_GENERATE_MODEL": "smollm2:135m",
            "STREAMS_FALLBACK_MODEL": "smollm2:135m",
            "STREAMS_EMBED_MODEL": "all-minilm",
            "STREAMS_EMBED_DIMENSION": "384",
            "STREAMS_NUM_CTX": "2048",
            "STREAMS_MAX_ANSWER_TOKENS": "96",
            "STREAMS_FIRST_TOKEN_TIMEOUT_MS": "120000",
            "STREAMS_ANSWER_SLOTS": "1",
            "STREAMS_TOKEN_TIMEOUT_MS": "30000",
            "STREAMS_TOPIC_PARTITIONS": "4",
            "STREAMS_LOG_FORMAT": "json",
        }
        for name, value in self.environ.items():
            set_environment(name, value)
        self.settings = configuration.load(env_file=None)
        self.workers: list[Worker] = []
        self.sent: list[Record] = []
        self.receipts: dict[str, IndexReceipt] = {}
        self.events: list[dict] = []

    def new_worker(self) -> Worker:
        worker = Worker(self.folder, self.environ).start()
        self.workers.append(worker)
        return worker

    async def produce(self, topic: str, records: list[tuple[bytes | None, dict]]) -> list[Offset]:
        producer = AIOKafkaProducer(
            bootstrap_servers=self.settings.kafka,
            acks="all",
            enable_idempotence=True,
            max_request_size=8 << 20,
        )
        await producer.start()
        try:
            values = [json.dumps(value, ensure_ascii=False).encode() for _, value in records]
            futures = [
                await producer.send(topic, value, key)
                for (key, _), value in zip(records, values, strict=True)
            ]
            places = [await future for future in futures]
        finally:
            await producer.stop()
        for (key, _), value, at in zip(records, values, places, strict=True):
            self.sent.append(Record(topic, at.partition, at.offset, at.timestamp, key, value))
        return [Offset(topic=topic, partition=at.partition, offset=at.offset) for at in places]

    async def follow(self) -> None:
        """Collects receipts and events for as long as it runs."""
        read = (self.settings.topic_indexed, self.settings.topic_answers)
        consumer = AIOKafkaConsumer(
            *read,
            bootstrap_servers=self.settings.kafka,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            enable_auto_commit=False,
        )
        await consumer.start()
        try:
            async for message in consumer:
                value = json.loads(message.value)
                if message.topic == self.settings.topic_indexed:
                    receipt = IndexReceipt.model_validate(value)
                    self.receipts[str(receipt.source)] = receipt
                else:
                    self.events.append(value)
        finally:
            await consumer.stop()

    def indexed(self, places: list[Offset]) -> int:
        return sum(str(at) in self.receipts for at in places)

    def answered(self, places: list[Offset]) -> int:
        ends = {
            event["question"]
            for event in self.events
            if event["type"] in ("answer.completed", "answer.failed")
        }
        return sum(str(at) in ends for at in places)

    async def through(self, what: str, count, places: list[Offset], *, limit_s: float) -> float:
        """Waits until all are through, killing a worker half-way; gives the seconds that it took."""
        began, killed = time.monotonic(), None
        while (done := count(places)) < len(places):
            if killed is None and done >= len(places) // 2:
                killed = self.workers.pop(0)
                killed.kill()
                print(f"  killed a worker at {done} of {len(places)} {what}", flush=True)
                self.new_worker()
            if time.monotonic() - began > limit_s:
                logs = "\n".join(worker.tail() for worker in self.workers)
                raise RuntimeError(
                    f"{len(places) - done} of {len(places)} {what} are not through after {limit_s} s\n{logs}"
                )
            await asyncio.sleep(0.05)
        return time.monotonic() - began

    async def differences(self) -> list[str]:
        read = {source.topic: source for source in read_topics(self.settings).sources}
        changes = [
            change
            for record in self.sent
            if record.topic in read
            for change in sources.decode(
                read[record.topic], record, max_bytes=self.settings.topic_max_message_bytes
            )
        ]
        store = await open_store(self.settings)
        try:
            return await index_differences(store, changes, await self.chunking())
        finally:
            await store.close()

    async def chunking(self):
        async with OllamaClient(ollama_config(self.settings)) as client:
            embedder = await open_embedder(client, self.settings.embed_model, self.settings.embed_dimension)
            return chunking_of(self.settings, embedder.window)

    async def stale_hits(self, history: list[tuple[bytes, dict]], *, limit: int) -> list[str]:
        """Searches for what was edited away or deleted, and gives any passage that is in no current text."""
        now = {value["id"]: value.get("text") for _, value in history}
        gone = [value for _, value in history if value.get("text") and value["text"] != now[value["id"]]][
            :limit
        ]
        store, bad = await open_store(self.settings), []
        try:
            async with OllamaClient(ollama_config(self.settings)) as client:
                embedder = await open_embedder(
                    client, self.settings.embed_model, self.settings.embed_dimension
                )
                for old in gone:
                    text = old["text"][:300]
                    query = SearchQuery(
                        tenant="book", text=text, vector=await embedder.embed_query(text), limit=20
                    )
                    got = await retrieve(store, query, wanted=10, overfetch=3, rounds=4)
                    for one in got.found:
                        current_text = now.get(one.head.document_id)
                        if current_text is None or one.hit.text not in current_text.replace("\r\n", "\n"):
                            bad.append(f"{one.head.document_id}: a passage that is not in its text")
        finally:
            await store.close()
        return bad


def report(what: str, **figures: object) -> None:
    print(f"{what}: " + "  ".join(f"{name} {value}" for name, value in figures.items()), flush=True)


def validate(events: list[dict]) -> None:
    """Every event against the schema that is published."""
    schema = json.loads((ROOT / "schemas/answer-event.json").read_text())
    validator = jsonschema.Draft202012Validator(schema)
    for event in events:
        validator.validate(event)


async def run(
    job: Job, data: Path, *, page_count: int | None, question_count: int, edit_count: int
) -> list[str]:
    """The three parts; gives all that was wrong."""
    problems: list[str] = []
    await topics.create(connection(job.settings), topics.wanted(topic_plan(job.settings)))
    job.new_worker()
    job.new_worker()
    for worker in job.workers:
        await asyncio.to_thread(worker.ready)
    following = asyncio.create_task(job.follow())

    french = pages(data, page_count)
    places = await job.produce(job.settings.topic_changes, french)
    took = await job.through("pages", job.indexed, places, limit_s=3000)
    mine = [job.receipts[str(at)] for at in places]
    embedded = sum(receipt.passages.embedded for receipt in mine)
    report(
        "pages",
        documents=len(places),
        seconds=round(took, 1),
        documents_per_s=round(len(places) / took, 1),
        passages=embedded,
        passages_per_s=round(embedded / took, 1),
        outcomes=dict(Counter(receipt.outcome for receipt in mine)),
    )
    problems += [f"no receipt for {at}" for at in unaccounted(places, job.receipts.values())]

    with (data / "ir/servicepublic-fr/queries.jsonl").open() as lines:
        asked = [json.loads(line) for line in lines]
    known = {page["id"] for _, page in french}
    with (data / "ir/servicepublic-fr/qrels.tsv").open() as lines:
        relevant = dict(line.split("\t")[:2] for line in list(lines)[1:])
    asked = [one for one in asked if relevant.get(one["_id"]) in known][:question_count]
    questions = [(None, {"id": one["_id"], "text": one["text"], "deadline_ms": 600_000}) for one in asked]
    places = await job.produce(job.settings.topic_questions, questions)
    took = await job.through("questions", job.answered, places, limit_s=900)
    validate(job.events)
    by_question = once(job.events, check_events)
    ends = [
        next(
            event for event in by_question[str(at)] if event["type"] in ("answer.completed", "answer.failed")
        )
        for at in places
    ]
    hits = sum(
        relevant[one["_id"]] in {c["document_id"] for c in end.get("citations", [])}
        for one, end in zip(asked, ends, strict=True)
    )
    report(
        "questions",
        asked=len(places),
        seconds=round(took, 1),
        ends=dict(Counter(f"{end['type']}/{end.get('route') or end.get('code')}" for end in ends)),
        resets=sum(event["type"] == "answer.reset" for event in job.events),
        page_among_citations=f"{hits}/{len(ends)}",
    )

    history = edits(data, edit_count)
    places = await job.produce(job.settings.topic_changes, history)
    took = await job.through("edits", job.indexed, places, limit_s=1200)
    mine = [job.receipts[str(at)] for at in places]
    report(
        "edits",
        edits=len(places),
        seconds=round(took, 1),
        embedded=sum(r.passages.embedded for r in mine),
        reused=sum(r.passages.reused for r in mine),
        outcomes=dict(Counter(r.outcome for r in mine)),
    )
    problems += [f"no receipt for {at}" for at in unaccounted(places, job.receipts.values())]
    problems += await job.differences()
    problems += await job.stale_hits(history, limit=100)
    following.cancel()
    codes = [await asyncio.to_thread(worker.stop) for worker in job.workers]
    problems += [f"a worker exited {code} at SIGTERM" for code in codes if code]
    return problems


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pages", type=int, default=None, help="only so many pages")
    parser.add_argument("--questions", type=int, default=50)
    parser.add_argument("--edits", type=int, default=300)
    given = parser.parse_args()
    data = Path(os.environ.get("STREAMS_TEST_DATA") or ROOT.parent / "shared" / "data")
    folder = Path(tempfile.mkdtemp(prefix="main-job-"))
    with ExitStack() as running:
        kafka = running.enter_context(Kafka(folder / "kafka"))
        weaviate = running.enter_context(Weaviate(folder / "weaviate"))
        ollama = running.enter_context(Ollama(folder / "ollama"))
        import_models(ollama.url)
        job = Job(folder, kafka.bootstrap, weaviate, ollama.url)
        try:
            problems = asyncio.run(
                run(job, data, page_count=given.pages, question_count=given.questions, edit_count=given.edits)
            )
        finally:
            for worker in job.workers:
                worker.kill()
    for problem in problems[:50]:
        print(f"WRONG {problem}")
    print(f"{len(problems)} problems; logs in {folder}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
