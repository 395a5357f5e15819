"""`docker-compose.yml` as Docker's own command loads it, and its servers' settings on real servers."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import httpx
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from ops.cdc.register import Refused
from ops.servers.launch import Kafka, Weaviate, servers_folder
from ops.servers.process import HOST, free_ports
from tests.composed import FILE, KEY, compose, interpolated
from tests.conftest import lacking
from tests.following.postgresql import composed_connect, connect_properties, connector, new_database
from tests.following.table import PASSWORD


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
    assert {name for name, service in loaded["services"].items() if "ports" in service} == {
        "kafka",
        "gateway",
        "prometheus",
        "grafana",
    }
    [mounted] = worker["volumes"]
    assert (mounted["type"], mounted["target"], mounted["read_only"]) == ("bind", "/etc/rag-streams", True)
    assert loaded["services"]["connect"]["profiles"] == ["cdc"]


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


def probed(service, **replaced):
    """Whether a service's health check passes, with ports and files that are ours put in."""
    if shutil.which("bash") is None:
        lacking("no bash")
    command = compose()["services"][service]["healthcheck"]["test"][1:]
    for port, ours in replaced.items():
        command = [part.replace(port.removeprefix("port_"), ours) for part in command]
    return subprocess.run(command, capture_output=True, timeout=30, check=False).returncode == 0


def test_its_connect_starts_is_found_alive_and_its_connector_is_registered(
    kafka, new_connect, postgres, tmp_path
):
    environment = compose(KEY | {"CDC_PASSWORD": PASSWORD})["services"]["connect"]["environment"]
    connect = new_connect(kafka, environment, **connect_properties(environment))
    assert probed("connect", port_8083=str(connect.port))
    assert not probed("connect", port_8083=str(free_ports()))

    new_database(postgres, "composed")
    file = tmp_path / "connector.json"
    file.write_text(json.dumps(connector(postgres, "composed", "composed", slot_name="composed")))
    assert PASSWORD not in file.read_text()
    service = compose()["services"]["connector"]
    command = [
        {"http://connect:8083": connect.url, "/etc/rag-streams/connector.json": str(file)}.get(part, part)
        for part in [sys.executable, *service["command"]]
    ]
    command[1] = command[1].replace("/etc/rag-streams", str(FILE.parent / "ops" / "cdc"))
    assert service["entrypoint"] == ["python"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert (done.returncode, done.stdout) == (0, "the connector cms runs\n"), done.stderr
    held = httpx.get(f"{connect.url}/connectors/cms/config", trust_env=False).text
    assert PASSWORD not in held
    connect.forget("cms")


def test_a_connector_that_cannot_run_is_not_said_to(kafka, new_connect, postgres, tmp_path):
    connect = new_connect(kafka, {"CDC_PASSWORD": PASSWORD}, **composed_connect())
    with pytest.raises(Refused, match=r"nowhere.* does not exist"):
        connect.put("nowhere", connector(postgres, "nowhere", "nowhere"))


def test_its_probe_of_postgres_tells_whether_it_answers(postgres):
    test = compose()["services"]["postgres"]["healthcheck"]["test"]
    assert test[:2] == ["CMD", "pg_isready"]
    command = [str(postgres.programs / "pg_isready"), *test[2:]]
    for port, code in ((str(postgres.port), 0), (str(free_ports()), 2)):
        assert subprocess.run([*command, "-p", port], capture_output=True, check=False).returncode == code


@pytest.mark.parametrize("alive", [True, False])
def test_its_probe_of_ollama_tells_whether_it_answers(ollama, alive):
    port = ollama.rsplit(":", 1)[1] if alive else str(free_ports())
    assert probed("ollama", port_11434=port) is alive
