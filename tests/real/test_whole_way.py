"""The whole way on real Kafka, Weaviate and Ollama: the main job in small, and every bad input's outcome."""

import asyncio
import json
import uuid

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from streams import settings as configuration
from streams.kafka import topics
from streams.wiring import connection, topic_plan
from tests.apart import apart, weaviate_settings
from tests.bench.index import stub
from tests.bench.main_job import Job, run
from tests.bench.workers import Worker
from tests.unit.answering.rules import check_events

LIMIT_S = 60
SOURCES = """
[[sources]]
topic = "{name}.changes"
[[sources]]
topic = "{name}.wide"
[[sources]]
topic = "{name}.bound"
tenant = "acme"
[[questions]]
topic = "{name}.questions"
"""


@pytest.mark.timeout(900)
def test_pages_questions_and_edits_survive_killed_workers(
    new_kafka, weaviate, ollama, tmp_path, test_data, monkeypatch
):
    job = Job(tmp_path, new_kafka().bootstrap, weaviate, ollama, set_environment=monkeypatch.setenv)
    try:
        problems = asyncio.run(run(job, test_data, page_count=12, question_count=3, edit_count=16))
    finally:
        for worker in job.workers:
            worker.kill()
    assert problems == []


class Pipe:
    """One worker with a stand-in for Ollama, its topics, and what came out of them."""

    def __init__(self, kafka, weaviate, url, folder, monkeypatch):
        self.name = f"bad-{uuid.uuid4().hex[:6]}"
        self.kafka = kafka
        (folder / "sources.toml").write_text(SOURCES.format(name=self.name))
        self.environ = {
            "STREAMS_KAFKA_BOOTSTRAP_SERVERS": kafka,
            **weaviate_settings(weaviate),
            "STREAMS_OLLAMA_URL": url,
            "STREAMS_EMBED_MODEL": "all-minilm",
            "STREAMS_EMBED_DIMENSION": "384",
            "STREAMS_GENERATE_MODEL": "stub",
            "STREAMS_FALLBACK_MODEL": "stub",
            "STREAMS_SIMILARITY_THRESHOLD": "0.05",
            "STREAMS_TOPIC_PARTITIONS": "1",
            "STREAMS_SOURCES": str(folder / "sources.toml"),
            "STREAMS_REPLY_TOPICS": f"{self.name}.replies.*",
            **apart(self.name),
        }
        for name, value in self.environ.items():
            monkeypatch.setenv(name, value)
        self.settings = configuration.load(env_file=None)
        self.worker = Worker(folder, self.environ)

    def topic(self, name):
        return f"{self.name}.{name}"

    async def create(self):
        admin = AIOKafkaAdminClient(bootstrap_servers=self.kafka)
        await admin.start()
        wide = {"max.message.bytes": str(64 << 20)}
        await admin.create_topics(
            [NewTopic(self.topic(one), 1, 1, topic_configs=wide) for one in ("wide", "bound", "replies.mine")]
        )
        await admin.close()
        reports = await topics.create(connection(self.settings), topics.wanted(topic_plan(self.settings)))
        assert all(report.fits for report in reports), reports

    async def send(self, topic, key, value, headers=()):
        async with AIOKafkaProducer(bootstrap_servers=self.kafka, max_request_size=64 << 20) as producer:
            at = await producer.send_and_wait(self.topic(topic), value, key, headers=list(headers))
        return f"{at.topic}-{at.partition}-{at.offset}"

    async def until(self, topic, wanted):
        """All records of a topic, once `wanted` says that they are enough."""
        consumer = AIOKafkaConsumer(
            self.topic(topic),
            bootstrap_servers=self.kafka,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            isolation_level="read_committed",
        )
        got = []
        async with consumer, asyncio.timeout(LIMIT_S):
            while not wanted(got):
                for messages in (await consumer.getmany(timeout_ms=200)).values():
                    got += messages
        return got

    async def receipt(self, place):
        def named(messages):
            return [one for one in map(json.loads, (m.value for m in messages)) if source(one) == place]

        def source(receipt):
            return (
                f"{receipt['source']['topic']}-{receipt['source']['partition']}-{receipt['source']['offset']}"
            )

        self.receipts = await self.until("indexed", named)
        return named(self.receipts)[0]

    async def answer(self, place, topic="answers"):
        def of_it(messages):
            return [one for one in map(json.loads, (m.value for m in messages)) if one["question"] == place]

        def ended(messages):
            return any(one["type"] in ("answer.completed", "answer.failed") for one in of_it(messages))

        return check_events(of_it(await self.until(topic, ended)))

    async def dead(self, topic, place):
        def headers(message):
            return {name: (value or b"").decode() for name, value in message.headers}

        def named(messages):
            found = []
            for message in messages:
                said = headers(message)
                if f"{said['dead-topic']}-{said['dead-partition']}-{said['dead-offset']}" == place:
                    found.append((message, said))
            return found

        return named(await self.until(topic, named))[0]


@pytest.fixture(scope="module")
def pipe(kafka, weaviate, tmp_path_factory):
    patch = pytest.MonkeyPatch()
    with stub(embed_ms=0, first_ms=1, token_ms=1, tokens=5) as url, patch.context() as monkeypatch:
        one = Pipe(kafka, weaviate, url, tmp_path_factory.mktemp("bad"), monkeypatch)
        asyncio.run(one.create())
        one.worker.start().ready()
        yield one
        assert one.worker.stop() == 0


def change(**fields):
    return json.dumps(fields).encode()


KEY = b"default/b"
TOO_LARGE = change(id="big", text="word " * 4_000_000)
INVALID = ("dead", "invalid_change")
CHANGES = {
    "an unknown field": ("changes", b"default/a", change(id="a", text="x", colour="red"), ("indexed", None)),
    "no id": ("changes", KEY, change(text="x"), INVALID),
    "no text": ("changes", KEY, change(id="b"), INVALID),
    "not UTF-8": ("changes", KEY, b'{"id": "b", "text": "\xff\xfe"}', ("dead", "not_utf8")),
    "broken JSON": ("changes", KEY, b'{"id": "b", "te', ("dead", "not_json")),
    "empty": ("changes", KEY, b"", ("dead", "not_json")),
    "a key that is no TENANT/ID": ("changes", b"b", change(id="b", text="x"), ("dead", "key_mismatch")),
    "another document's key": ("changes", b"default/c", change(id="b", text="x"), ("dead", "key_mismatch")),
    "no key": ("wide", None, change(id="b", text="x"), ("dead", "key_missing")),
    "a tombstone of nothing": ("changes", b"default/nothing", None, ("ignored", "absent")),
    "a delete of nothing": ("changes", b"default/no", change(id="no", op="delete"), ("ignored", "absent")),
    "another tenant": ("bound", b"evil/b", change(id="b", text="x", tenant="evil"), ("dead", "refused")),
    "too large": ("wide", b"default/big", TOO_LARGE, ("dead", "too_large")),
    "no reader": ("changes", b"default/r", change(id="r", text="x", readers=[]), INVALID),
    "a picture": (
        "changes",
        b"default/p",
        change(id="p", text="x", media_type="image/png"),
        ("dead", "unsupported_media_type"),
    ),
}


@pytest.mark.parametrize("what", CHANGES)
async def test_a_bad_change_has_its_outcome_and_what_comes_after_it_goes_on(pipe, what):
    topic, key, value, outcome = CHANGES[what]
    place = await pipe.send(topic, key, value)
    receipt = await pipe.receipt(place)
    assert (receipt["outcome"], receipt["reason"]) == outcome, what
    if outcome[0] == "dead":
        message, said = await pipe.dead("documents.dead", place)
        assert said["dead-code"] == outcome[1]
        if outcome[1] == "too_large":
            assert "dead-truncated" in said
        else:
            assert (message.key, message.value) == (key, value)


async def test_a_record_of_an_aborted_transaction_never_happened(pipe):
    producer = AIOKafkaProducer(bootstrap_servers=pipe.kafka, transactional_id=uuid.uuid4().hex)
    async with producer:
        await producer.begin_transaction()
        aborted = await producer.send_and_wait(
            pipe.topic("changes"), change(id="ghost", text="boo"), b"default/ghost"
        )
        await producer.abort_transaction()
    after = await pipe.send("changes", b"default/after", change(id="after", text="after the ghost"))
    await pipe.receipt(after)
    receipts = [json.loads(message.value) for message in pipe.receipts]
    assert aborted.offset not in [
        one["source"]["offset"] for one in receipts if one["source"]["topic"] == aborted.topic
    ]


QUESTIONS = [
    ("broken JSON", b"{", "invalid_question"),
    ("a list", b"[1]", "invalid_question"),
    ("empty", b"", "invalid_question"),
    ("white space", b"   ", "invalid_question"),
    ("not UTF-8", b"\xff\xfe?", "invalid_question"),
    ("1 MB", b"why " * 250_000, "invalid_question"),
    ("no text", b'{"id": "q-known"}', "invalid_question"),
    ("top_k out of range", b'{"text": "x", "top_k": 21}', "invalid_question"),
]


@pytest.mark.parametrize(("what", "value", "code"), QUESTIONS, ids=[one[0] for one in QUESTIONS])
async def test_a_bad_question_ends_in_answer_failed_and_a_dead_letter(pipe, what, value, code):
    place = await pipe.send("questions", None, value)
    end = await pipe.answer(place)
    assert (end["type"], end["code"], end["attempt"], end["seq"]) == ("answer.failed", code, 1, 0), what
    if b"q-known" in value:
        assert end["question_id"] == "q-known"
    message, said = await pipe.dead("questions.dead", place)
    assert (message.value, said["dead-code"]) == (value, code)


async def test_plain_text_is_a_question(pipe):
    await pipe.receipt(
        await pipe.send("changes", b"default/moon", change(id="moon", text="The moon base opens in May."))
    )
    end = await pipe.answer(await pipe.send("questions", None, b"When does the moon base open?"))
    assert (end["type"], end["route"]) == ("answer.completed", "primary")
    assert [citation["document_id"] for citation in end["citations"]][:1] == ["moon"]


async def test_a_reply_goes_to_the_topic_that_was_asked_for_with_its_correlation_id(pipe):
    headers = [("reply-to", pipe.topic("replies.mine").encode()), ("correlation-id", b"c-1")]
    place = await pipe.send("questions", None, b"When does the moon base open?", headers)
    await pipe.answer(place, "replies.mine")
    records = await pipe.until("replies.mine", lambda got: got)
    assert all(("correlation-id", b"c-1") in message.headers for message in records)
    elsewhere = await pipe.until("answers", lambda got: got)
    assert place not in [json.loads(message.value)["question"] for message in elsewhere]


@pytest.mark.parametrize("reply_to", ["changes", "indexed", "replies.nowhere"])
async def test_a_reply_to_outside_the_pattern_or_that_does_not_exist_is_refused_on_answers(pipe, reply_to):
    headers = [("reply-to", pipe.topic(reply_to).encode())]
    end = await pipe.answer(await pipe.send("questions", None, b"When does the moon base open?", headers))
    assert (end["type"], end["code"]) == ("answer.failed", "refused")


def test_a_wrong_embedding_dimension_stops_the_worker_by_name_before_any_work(pipe, tmp_path):
    worker = Worker(tmp_path, pipe.environ | {"STREAMS_EMBED_DIMENSION": "100"}).start()
    assert worker.process.wait(30) == 2
    assert "STREAMS_EMBED_DIMENSION" in worker.tail()


def test_a_missing_topic_stops_the_worker_and_names_the_command(pipe, tmp_path):
    worker = Worker(tmp_path, pipe.environ | {"STREAMS_TOPIC_INDEXED": "no.such.topic"}).start()
    assert worker.process.wait(30) == 2
    assert "topics create" in worker.tail()
