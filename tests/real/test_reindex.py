"""A reindex while changes and questions flow: killed and taken up again, switched, rolled back, dropped."""

from __future__ import annotations

import asyncio
import json
import random
import sys
from contextlib import suppress
from itertools import count

import httpx
import pytest

from streams import settings as configuration
from streams import sources
from streams.errors import Retryable
from streams.indexing.cutting.chunk import Chunking
from streams.kafka import topics
from streams.wiring import connection, read_topics, topic_plan
from streams.worker.generations import MIRROR_S
from streams.worker.parts import open_index, open_store
from tests.bench.index import stub
from tests.bench.main_job import Job
from tests.checker import index_differences, once, unaccounted
from tests.unit.answering.rules import check_events

DOCUMENTS, EDITED = 300, 220
"""The first ones are edited; of the others is asked before the switch."""
WORDS = [f"word{number}" for number in range(400)]
OLD, NEW = Chunking(512, 800), Chunking(512, 300)
LIMIT_S = 240
STUBBED = {
    "STREAMS_GENERATE_MODEL": "stub",
    "STREAMS_FALLBACK_MODEL": "stub",
    "STREAMS_SIMILARITY_THRESHOLD": "0.05",
    "STREAMS_ANSWER_SLOTS": "8",
}


class Corpus:
    """Documents of several paragraphs; the first word of each is in no other, and names its version."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.versions = {number: [] for number in range(DOCUMENTS)}

    def write(self, number):
        words = self.random.choices(WORDS, k=180)
        version = len(self.versions[number])
        paragraphs = [" ".join(words[start : start + 18]) + "." for start in range(0, 180, 18)]
        text = self.name(number, version) + " " + "\n\n".join(paragraphs)
        self.versions[number].append(text)
        return f"default/d{number}".encode(), {"id": f"d{number}", "text": text}

    def question(self, number):
        """A line of an evaluation set."""
        asked = f"What is said of {self.name(number, 0)}?"
        return json.dumps({"question": asked, "document_ids": [f"d{number}"]}) + "\n"

    @staticmethod
    def name(number, version):
        return f"zq{number}v{version}"


class Life:
    """Edits, each followed by a question that demands it, until told to stop."""

    def __init__(self, job, corpus):
        self.job, self.corpus = job, corpus
        self.places, self.asked = [], {}
        self.stopping = asyncio.Event()

    async def run(self):
        for turn in count():
            if self.stopping.is_set():
                return
            number = (7 * turn) % EDITED
            (place,) = await self.job.produce(self.job.settings.topic_changes, [self.corpus.write(number)])
            version = len(self.corpus.versions[number]) - 1
            self.places.append(place)
            question = {
                "text": f"What is said of {self.corpus.name(number, version)}?",
                "after": [place.model_dump()],
                "deadline_ms": 120_000,
            }
            (at,) = await self.job.produce(self.job.settings.topic_questions, [(None, question)])
            self.asked[str(at)] = (at, number, place)
            await asyncio.sleep(0.2)

    def check(self):
        """Each question has one end, and knows what it demanded: from whichever generation, it is whole."""
        ends = once([event for event in self.job.events if event["question"] in self.asked], check_events)
        assert set(ends) == set(self.asked)
        for at, (_, number, place) in self.asked.items():
            end = check_events(ends[at])
            assert (end["type"], end.get("abstained")) == ("answer.completed", False), (at, end)
            positions = [one["position"] for one in end["citations"] if one["document_id"] == f"d{number}"]
            demanded = self.job.receipts[str(place)].position
            assert max(positions, default="") >= demanded, (at, demanded, end["citations"])


class Command:
    """`rag-streams reindex` in a process of its own."""

    def __init__(self, *arguments):
        self.arguments = arguments

    async def __aenter__(self):
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "streams", "reindex", "--json", *self.arguments,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        return self.process

    async def __aexit__(self, *_):
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()


async def reindex(*arguments):
    async with Command(*arguments) as process, asyncio.timeout(LIMIT_S):
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return {row["step"]: row for row in map(json.loads, out.splitlines()) if "step" in row}


async def held(job, slot):
    """How many documents a generation of the record holds."""
    index = await open_index(job.settings)
    try:
        record = await index.generations()
        generation = record and getattr(record, slot)
        if generation is None:
            return 0
        store = await index.open(generation)
        try:
            return len([key async for key in store.document_keys()])
        finally:
            await store.close()
    finally:
        await index.close()


async def differences(job, chunking):
    """Where the live generation is not a replay of all changes, cut like that."""
    sent = [record for record in job.sent if record.topic == job.settings.topic_changes]
    assert not unaccounted([record.at for record in sent], job.receipts.values())
    source = read_topics(job.settings).sources[0]
    changes = [change for record in sent for change in sources.decode(source, record, max_bytes=8 << 20)]
    store = await open_store(job.settings)
    try:
        return await index_differences(store, changes, chunking)
    finally:
        await store.close()


async def until(condition):
    async with asyncio.timeout(LIMIT_S):
        while not await condition():  # noqa: ASYNC110 - other processes tell no event
            await asyncio.sleep(0.05)


async def settled(job, life):
    async def through():
        return job.indexed(life.places) == len(life.places) and job.answered(
            [at for at, *_ in life.asked.values()]
        ) == len(life.asked)

    await until(through)


async def metric(worker, name):
    async with httpx.AsyncClient(trust_env=False) as http:
        lines = (await http.get(f"http://127.0.0.1:{worker.port}/metrics")).text.splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name))


async def play(job):
    await topics.create(connection(job.settings), topics.wanted(topic_plan(job.settings)))
    for worker in [job.new_worker(), job.new_worker()]:
        await asyncio.to_thread(worker.ready)
    corpus, following = Corpus(seed=1), asyncio.create_task(job.follow())
    first = await job.produce(job.settings.topic_changes, [corpus.write(n) for n in range(DOCUMENTS)])
    life = Life(job, corpus)

    async def all_indexed():
        return job.indexed(first) == len(first)

    await until(all_indexed)
    living = asyncio.create_task(life.run())
    evaluation = job.folder / "questions.jsonl"
    evaluation.write_text("".join(corpus.question(number) for number in range(EDITED, DOCUMENTS)))
    wanted = ("--model", "stub-96", "--chunk-characters", "300", "--eval", str(evaluation))

    async with Command(*wanted) as process:
        await build_begun(job)
        process.kill()
    part = await held(job, "building")
    assert 0 < part < DOCUMENTS, part
    job.workers.pop(0).kill()
    job.new_worker()

    before = len(life.asked)
    steps = await reindex(*wanted)
    during = len(life.asked) - before
    assert steps["recall@5"]["new"] >= 0.95
    assert steps["switched"]["live"].startswith("stub-96, 96 numbers")
    assert "STREAMS_EMBED_MODEL=stub-96" in steps["set"]["settings"]
    await asyncio.sleep(3)
    life.stopping.set()
    await living
    await settled(job, life)
    life.check()
    assert await differences(job, NEW) == []
    assert await metric(job.workers[0], "streams_generation_changes_total") >= 1

    # Back, with what has changed since the one before was no longer written; forward is to build anew.
    await asyncio.sleep(MIRROR_S + 2)
    later = await job.produce(job.settings.topic_changes, [corpus.write(n) for n in range(0, DOCUMENTS, 20)])

    async def later_indexed():
        return job.indexed(later) == len(later)

    await until(later_indexed)
    back = await reindex("--rollback")
    assert 0 < back["copy"]["brought"] < DOCUMENTS
    assert await differences(job, OLD) == []
    await reindex("--drop")
    assert await held(job, "previous") == 0
    for worker in job.workers:
        assert worker.process.poll() is None, worker.tail()
    following.cancel()
    print(
        f"{len(life.asked)} questions, {during} in the build, {part} of {DOCUMENTS} copied when it was killed"
    )


async def build_begun(job):
    """Returns when some documents are in the generation that is built, and not yet all."""
    index = await open_index(job.settings)
    try:

        async def registered():
            return (await index.generations()).building is not None

        await until(registered)
        store = await index.open((await index.generations()).building)
        try:

            async def some():
                # Others make its collections at this moment.
                with suppress(Retryable):
                    return [key async for key in store.document_keys()]
                return []

            await until(some)
        finally:
            await store.close()
    finally:
        await index.close()


@pytest.mark.timeout(900)
def test_a_reindex_goes_on_though_it_and_workers_are_killed_and_every_question_is_answered(
    kafka_broker, weaviate_server, tmp_path, monkeypatch
):
    with stub(embed_ms=20, first_ms=1, token_ms=1, tokens=5) as url:
        job = Job(tmp_path, kafka_broker.bootstrap, weaviate_server, url, set_environment=monkeypatch.setenv)
        for name, value in STUBBED.items():
            monkeypatch.setenv(name, value)
        job.environ |= STUBBED
        job.settings = configuration.load(env_file=None)
        try:
            asyncio.run(play(job))
        finally:
            for worker in job.workers:
                worker.kill()
