"""`docker-compose.yml` as Docker's own command loads it, and its servers' settings on real servers."""

from __future__ import annotations

import json
import shutil
import subprocess

import httpx
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from ops.servers.launch import Kafka, Weaviate, servers_folder
from ops.servers.process import HOST, free_ports
from tests.composed import FILE, KEY, compose, interpolated
from tests.conftest import lacking


@pytest.fixture
def load(tmp_path):
    """Loads a compose file as Docker's own command does: what it says, and the file as it was understood."""
    loader = servers_folder() / "compose" / "cmd"
    if not loader.is_file():
        lacking(f"{loader} is missing: run `make servers`")

    def load(text):
        file = tmp_path / "docker-compose.yml"
        file.write_text(text)
        done = subprocess.run([loader, "-format", "json", file], capture_output=True, text=True, check=False)
        return done.stderr + (done.stdout if done.returncode else ""), done.returncode or json.loads(
            done.stdout
        )

    return load


def test_the_file_is_loaded_and_means_what_the_other_tests_read(load):
    said, loaded = load(interpolated(FILE.read_text(), KEY))
    assert said == ""
    assert set(loaded["services"]) == set(compose()["services"])
    worker = loaded["services"]["worker"]
    assert worker["environment"] == compose()["services"]["worker"]["environment"]
    assert worker["networks"] == {"inside": None}
    assert loaded["networks"]["inside"]["internal"]
    assert {name for name, service in loaded["services"].items() if "ports" in service} == {"kafka"}


def test_the_file_is_refused_without_the_secret(load):
    said, code = load(FILE.read_text())
    assert code == 1
    assert "STREAMS_WEAVIATE_API_KEY is missing a value: set it to a long random text" in said


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("stop_grace_period: 30s", "stop_grace_time: 30s"),
        ("condition: service_healthy", "condition: service_wealthy"),
        ("count: all", "count: [all]"),
    ],
)
def test_a_file_with_a_wrong_part_is_refused(load, right, wrong):
    text = interpolated(FILE.read_text(), KEY)
    assert right in text
    assert load(text.replace(right, wrong))[1] == 1


def test_its_weaviate_is_ready_and_lets_in_only_who_has_the_key(tmp_path, weaviate):
    environment = compose()["services"]["weaviate"]["environment"] | {"PERSISTENCE_DATA_PATH": str(tmp_path)}
    with Weaviate(tmp_path, environment) as server:
        allowed = {"Authorization": f"Bearer {KEY['STREAMS_WEAVIATE_API_KEY']}"}
        schema = f"{server.url}/v1/schema"
        assert httpx.get(schema, trust_env=False).status_code == 401
        assert httpx.get(schema, headers=allowed, trust_env=False).status_code == 200
        created = httpx.post(schema, headers=allowed, json={"class": "Held"}, trust_env=False)
        assert created.status_code == 200


class Composed(Kafka):
    """A broker with the properties that the image would make of its environment."""

    def __init__(self, folder):
        super().__init__(folder)
        environment = compose()["services"]["kafka"]["environment"]
        self._cluster = environment["CLUSTER_ID"]
        inside, host, controller = self.port, self.port + 1, free_ports()
        text = json.dumps({name: str(value) for name, value in environment.items()})
        for written, ours in (("29092", host), ("9092", inside), ("9093", controller)):
            text = text.replace(f":{written}", f":{ours}")
        text = text.replace("INSIDE://kafka:", f"INSIDE://{HOST}:").replace(
            "/var/lib/kafka/data", str(folder / "data")
        )
        named = {
            name.removeprefix("KAFKA_"): value
            for name, value in json.loads(text).items()
            if name[:6] == "KAFKA_"
        }
        self.properties = {name.lower().replace("_", "."): value for name, value in named.items()}
        self.published = f"localhost:{host}"

    def _format(self):
        self._tool("format", "-t", self._cluster, "-c", str(self._config))


async def test_its_kafka_starts_and_serves_the_published_listener_too(tmp_path, kafka):
    with Composed(tmp_path) as broker:
        admin = AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap)
        await admin.start()
        await admin.create_topics([NewTopic("answers", 1, 1)])
        await admin.close()
        async with AIOKafkaProducer(bootstrap_servers=broker.published, enable_idempotence=True) as producer:
            assert (await producer.send_and_wait("answers", b"sent")).offset == 0


@pytest.mark.parametrize("alive", [True, False])
def test_its_probe_of_ollama_tells_whether_it_answers(ollama, alive):
    if shutil.which("bash") is None:
        lacking("no bash")
    port = ollama.rsplit(":", 1)[1] if alive else str(free_ports())
    test = compose()["services"]["ollama"]["healthcheck"]["test"]
    command = [part.replace("11434", port) for part in test[1:]]
    assert (subprocess.run(command, capture_output=True, timeout=30, check=False).returncode == 0) is alive
