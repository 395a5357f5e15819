"""Misconfigurations, planted one at a time among real servers: `doctor` finds each, and says what to do."""

from __future__ import annotations

import asyncio
import json
import uuid
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import stamina
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from typer.testing import CliRunner

from ops.servers.launch import Weaviate
from ops.servers.process import free_ports
from streams.cli.app import app
from streams.cli.output import exit_code
from streams.errors import StreamsError
from streams.indexing.plan import plan
from streams.messages.changes import Change
from streams.messages.records import Offset
from streams.ollama.client import OllamaClient
from streams.ollama.embedder import open_embedder
from streams.settings import load
from streams.worker.generations import agreed
from streams.worker.parts import ollama_config, open_index, open_store
from tests.apart import weaviate_settings

KEY = "a-key-of-weaviate-51c7"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory, weaviate):
    """A Weaviate that lets in only who has the key."""
    environment = {
        "AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED": "false",
        "AUTHENTICATION_APIKEY_ENABLED": "true",
        "AUTHENTICATION_APIKEY_ALLOWED_KEYS": KEY,
        "AUTHENTICATION_APIKEY_USERS": "rag-streams",
    }
    with Weaviate(tmp_path_factory.mktemp("guarded"), environment) as server:
        yield server


class Patient:
    """A configuration in which all is well, to be made ill: `env` are its settings."""

    def __init__(self, folder, kafka, guarded, ollama):
        self.folder, self.kafka, self.name = folder, kafka, f"doctor-{uuid.uuid4().hex[:6]}"
        topics = ("CHANGES", "INDEXED", "DOCUMENTS_DEAD", "DOCUMENTS_RETRY", "QUESTIONS", "QUESTIONS_DEAD",
                  "QUESTIONS_RETRY", "QUESTIONS_DONE", "ANSWERS", "SHADOW")  # fmt: skip
        self.env = {
            "STREAMS_KAFKA_BOOTSTRAP_SERVERS": kafka,
            **weaviate_settings(guarded),
            "STREAMS_WEAVIATE_API_KEY": KEY,
            "STREAMS_OLLAMA_URL": ollama,
            "STREAMS_GENERATE_MODEL": "smollm2:135m",
            "STREAMS_FALLBACK_MODEL": "smollm2:135m",
            "STREAMS_EMBED_MODEL": "all-minilm",
            "STREAMS_EMBED_DIMENSION": "384",
            "STREAMS_NUM_CTX": "2048",
            "STREAMS_TOPIC_PARTITIONS": "2",
            "STREAMS_STATE_DIR": str(folder / "state"),
            **{f"STREAMS_TOPIC_{one}": self.topic(one) for one in topics},
        }

    def topic(self, name):
        return f"{self.name}.{name.lower().replace('_', '.')}"

    def run(self, *words):
        """What a command prints as JSON, its exit code, and all that it said."""
        done = CliRunner().invoke(app, [*words, "--json"], env=self.env)
        if isinstance(done.exception, StreamsError):
            return [], exit_code(done.exception), str(done.exception)
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return [json.loads(line) for line in done.stdout.splitlines()], done.exit_code, done.output

    def admin(self, act):
        """Has `act` done by a client for administration."""

        async def acted():
            client = AIOKafkaAdminClient(bootstrap_servers=self.kafka)
            await client.start()
            try:
                await act(client)
            finally:
                await client.close()

        asyncio.run(acted())


@pytest.fixture
def patient(tmp_path, kafka, guarded, ollama):
    stamina.instrumentation.set_on_retry_hooks([])  # as the command line does
    one = Patient(tmp_path, kafka, guarded, ollama)
    assert one.run("topics", "create")[1] == 0
    yield one
    stamina.instrumentation.set_on_retry_hooks(None)


def test_a_healthy_configuration_has_nothing_wrong(patient):
    findings, code, said = patient.run("doctor")
    assert code == 0, said
    assert all(finding["ok"] for finding in findings)
    assert {finding["part"] for finding in findings} >= {
        "kafka",
        "topics",
        "store",
        "ollama",
        "models",
        "embeddings",
    }


def nobody():
    return f"http://127.0.0.1:{free_ports()}"


def kafka_is_elsewhere(patient):
    patient.env["STREAMS_KAFKA_BOOTSTRAP_SERVERS"] = nobody().removeprefix("http://")


def topics_are_missing(patient):
    patient.env["STREAMS_TOPIC_INDEXED"] = "nowhere.indexed"


def the_done_log_is_too_narrow(patient):
    async def recreate(admin):
        await admin.create_topics([NewTopic(f"{patient.name}.narrow", 1, 1)])

    patient.admin(recreate)
    patient.env["STREAMS_TOPIC_QUESTIONS_DONE"] = f"{patient.name}.narrow"


def records_may_be_too_large_for_the_topic(patient):
    async def shrink(admin):
        resource = ConfigResource(
            ConfigResourceType.TOPIC,
            patient.topic("CHANGES"),
            {"max.message.bytes": "1000", "cleanup.policy": "compact"},
        )
        await admin.alter_configs([resource])

    patient.admin(shrink)


def weaviate_is_elsewhere(patient):
    patient.env["STREAMS_WEAVIATE_URL"] = nobody()


def the_key_of_weaviate_is_wrong(patient):
    patient.env["STREAMS_WEAVIATE_API_KEY"] = "another-key"


def the_grpc_port_is_wrong(patient):
    patient.env["STREAMS_WEAVIATE_GRPC_PORT"] = str(free_ports())


def ollama_is_elsewhere(patient):
    patient.env["STREAMS_OLLAMA_URL"] = nobody()


def ollamas_address_is_anothers(patient):
    patient.env["STREAMS_OLLAMA_URL"] = patient.env["STREAMS_WEAVIATE_URL"]


def a_model_is_not_there(patient):
    patient.env["STREAMS_GENERATE_MODEL"] = "llama3:70b-instruct-q4_K_M"


def the_dimension_is_another_models(patient):
    patient.env["STREAMS_EMBED_DIMENSION"] = "768"


def the_context_is_larger_than_the_models(patient):
    patient.env["STREAMS_NUM_CTX"] = "65536"


def an_embedding_model_is_to_answer(patient):
    patient.env["STREAMS_FALLBACK_MODEL"] = "all-minilm"


def the_sources_file_has_a_mistake(patient):
    file = patient.folder / "sources.toml"
    file.write_text('[[sources]]\ntopic = "cms"\nformat = "debezuim"\n')
    patient.env["STREAMS_SOURCES"] = str(file)


PLANTED = [
    (kafka_is_elsewhere, "kafka", "STREAMS_KAFKA_BOOTSTRAP_SERVERS", 3),
    (topics_are_missing, "topics", "rag-streams topics create", 2),
    (the_done_log_is_too_narrow, "topics", "partitions is 1, wanted 2", 2),
    (records_may_be_too_large_for_the_topic, "topics", "max.message.bytes is 1000", 0),
    (weaviate_is_elsewhere, "store", "STREAMS_WEAVIATE_URL", 3),
    (the_key_of_weaviate_is_wrong, "store", "STREAMS_WEAVIATE_API_KEY", 2),
    (the_grpc_port_is_wrong, "store", "STREAMS_WEAVIATE_GRPC_PORT", 3),
    (ollama_is_elsewhere, "ollama", "STREAMS_OLLAMA_URL", 3),
    (ollamas_address_is_anothers, "ollama", "STREAMS_OLLAMA_URL", 2),
    (a_model_is_not_there, "models", "rag-streams models pull", 2),
    (the_dimension_is_another_models, "embeddings", "STREAMS_EMBED_DIMENSION", 2),
    (the_context_is_larger_than_the_models, "models", "STREAMS_NUM_CTX", 2),
    (an_embedding_model_is_to_answer, "models", "STREAMS_FALLBACK_MODEL", 2),
    (the_sources_file_has_a_mistake, "topics", "format: this version reads native, debezium", 2),
]


@pytest.mark.parametrize(
    ("plant", "part", "remedy", "code"), PLANTED, ids=lambda one: getattr(one, "__name__", "")
)
def test_each_is_found_where_it_is_and_the_remedy_is_named(patient, plant, part, remedy, code):
    plant(patient)
    findings, found, said = patient.run("doctor")
    [told] = [finding for finding in findings if finding["part"] == part]
    assert remedy in told["detail"], said
    assert (found, told["ok"]) == (code, code == 0), said
    assert KEY not in said
    assert "Traceback" not in said


def test_a_setting_that_is_misspelt_is_named_before_anything_is_asked(patient):
    patient.env["STREAMS_OLAMA_URL"] = "http://ollama:11434"
    findings, code, said = patient.run("doctor")
    assert (findings, code) == ([], 2)
    assert "STREAMS_OLAMA_URL" in said
    assert "STREAMS_OLLAMA_URL" in said


def test_an_index_that_was_made_with_other_settings_is_found(patient):
    patient.env |= {"STREAMS_STORE": "sqlite", "STREAMS_SQLITE_PATH": str(patient.folder / "index.db")}
    assert "no index yet" in patient.run("doctor")[2]
    asyncio.run(indexed(patient))
    assert "index made with all-minilm" in patient.run("doctor")[2]
    patient.env["STREAMS_CHUNK_CHARACTERS"] = "500"
    findings, code, said = patient.run("doctor")
    assert code == 2
    [store] = [finding for finding in findings if finding["part"] == "store"]
    assert "STREAMS_CHUNK_CHARACTERS" in store["detail"], said
    assert "rag-streams reindex" in store["detail"]


def settings_of(patient):
    return load(
        env_file=None, **{name.removeprefix("STREAMS_").lower(): value for name, value in patient.env.items()}
    )


async def indexed(patient):
    """Makes the index, as the first worker does."""
    settings = settings_of(patient)
    index = await open_index(settings)
    try:
        async with OllamaClient(ollama_config(settings)) as client:
            await agreed(
                index, settings, lambda: open_embedder(client, settings.embed_model, settings.embed_dimension)
            )
    finally:
        await index.close()


def test_a_topic_that_would_be_read_from_before_what_the_index_remembers_is_noted(patient):
    patient.env |= {"STREAMS_STORE": "sqlite", "STREAMS_SQLITE_PATH": str(patient.folder / "index.db")}
    asyncio.run(indexed(patient))
    topic = patient.topic("KEPT")
    for_ever = NewTopic(topic, 1, 1, topic_configs={"retention.ms": "-1"})
    patient.admin(lambda client: client.create_topics([for_ever]))
    (patient.folder / "sources.toml").write_text(f'[[sources]]\ntopic = "{topic}"\n')
    patient.env["STREAMS_SOURCES"] = str(patient.folder / "sources.toml")

    def noted():
        findings, code, said = patient.run("doctor")
        assert code == 0, said
        [offsets] = [finding for finding in findings if finding["part"] == "offsets"]
        return offsets["detail"]

    assert topic not in noted()
    asyncio.run(grown_old(patient, topic))
    assert topic in noted()


async def grown_old(patient, topic):
    """A record from 50 days ago that nobody has read since the group's offsets are gone, and its document."""
    async with AIOKafkaProducer(bootstrap_servers=patient.kafka) as producer:
        then = datetime.now(UTC) - timedelta(days=50)
        await producer.send_and_wait(topic, b"{}", b"t/k", timestamp_ms=int(then.timestamp() * 1000))
    at = Offset(topic=topic, partition=0, offset=0)
    gone = plan(None, Change(topic, "t/k", at, 1), (), written=datetime.now(UTC)).head
    store = await open_store(settings_of(patient))
    await store.write_heads([gone])
    await store.close()


def test_a_store_that_takes_no_more_writes_is_found_though_it_answers(patient):
    asyncio.run(indexed(patient))
    assert patient.run("doctor")[1] == 0
    shards = f"{patient.env['STREAMS_WEAVIATE_URL']}/v1/schema/StreamsHeads_g1/shards"
    with httpx.Client(headers={"Authorization": f"Bearer {KEY}"}, trust_env=False, timeout=30) as http:
        [shard] = http.get(shards).raise_for_status().json()
        turn = f"{shards}/{shard['name']}"
        http.put(turn, json={"status": "READONLY"}).raise_for_status()
        try:
            findings, code, said = patient.run("doctor")
        finally:
            http.put(turn, json={"status": "READY"}).raise_for_status()
    [store] = [finding for finding in findings if finding["part"] == "store"]
    assert "read-only: free some of its disk" in store["detail"], said
    assert code == 3
