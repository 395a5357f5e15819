"""The servers that the other tests run on behave as those tests assume."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psycopg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from ops.cdc.register import Refused
from ops.servers.capture import Postgres
from ops.servers.process import Server, ServerFailed, free_ports


async def _created(bootstrap, topic, **config):
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, 1, 1, topic_configs=config)])
    finally:
        await admin.close()


async def _values(bootstrap, topic, count):
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    try:
        return [(await consumer.getone()).value for _ in range(count)]
    finally:
        await consumer.stop()


async def test_a_killed_broker_comes_back_on_its_port_with_what_it_acknowledged(kafka_broker, topic):
    await _created(kafka_broker.bootstrap, topic)
    async with AIOKafkaProducer(bootstrap_servers=kafka_broker.bootstrap, acks="all") as producer:
        await producer.send_and_wait(topic, b"before")
        kafka_broker.kill()
        assert kafka_broker.pid is None
        kafka_broker.start()
        await producer.send_and_wait(topic, b"after")
    assert await _values(kafka_broker.bootstrap, topic, 2) == [b"before", b"after"]


def test_weaviate_takes_requests(weaviate):
    assert httpx.get(f"{weaviate.url}/v1/meta", trust_env=False).json()["version"] == "1.38.11"


def test_ollama_embeds_and_answers(ollama):
    with httpx.Client(base_url=ollama, timeout=60, trust_env=False) as client:
        vectors = client.post("/api/embed", json={"model": "all-minilm", "input": ["a", "b"]}).json()[
            "embeddings"
        ]
        assert [len(vector) for vector in vectors] == [384, 384]
        ask = {"model": "smollm2:135m", "messages": [{"role": "user", "content": "Hello"}], "stream": False}
        assert client.post("/api/chat", json=ask | {"options": {"num_predict": 8}}).json()["message"][
            "content"
        ]


def test_postgres_decodes_logically_and_comes_back_from_a_crash_with_what_it_committed(tmp_path):
    with Postgres(tmp_path) as server:
        with psycopg.connect(server.dsn(), autocommit=True) as database:
            assert database.execute("show wal_level").fetchone() == ("logical",)
            database.execute("create table kept (id int primary key)")
            database.execute("insert into kept values (1)")
        server.kill()
        server.start()
        with psycopg.connect(server.dsn()) as database:
            assert database.execute("select id from kept").fetchall() == [(1,)]


def test_connect_has_debezium_and_says_why_a_connector_cannot_run(kafka, new_connect):
    connect = new_connect(kafka)
    plugins = httpx.get(f"{connect.url}/connector-plugins", trust_env=False).json()
    assert "io.debezium.connector.postgresql.PostgresConnector" in {plugin["class"] for plugin in plugins}
    nowhere = {"connector.class": "io.debezium.connector.postgresql.PostgresConnector", "topic.prefix": "x"}
    with pytest.raises(Refused, match="connectors/nowhere/config: 400"):
        connect.put("nowhere", nowhere)


class Sleeper(Server):
    """A server that never is ready, or ends at once."""

    name = "sleeper"
    ready_seconds = 0.5

    def ready(self):
        return False


def test_a_server_that_ends_while_starting_is_named_with_what_it_wrote(tmp_path):
    server = Sleeper([sys.executable, "-c", "print('no such option'); raise SystemExit(2)"], tmp_path, {})
    with pytest.raises(ServerFailed, match="sleeper ended while starting\nno such option"):
        server.start()


def test_a_server_that_is_never_ready_is_killed_and_named(tmp_path):
    server = Sleeper([sys.executable, "-c", "import time; time.sleep(60)"], tmp_path, {})
    with pytest.raises(ServerFailed, match="was not ready"):
        server.start()
    assert server.pid is None


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the kernel does not tell of a parent's death")
@pytest.mark.parametrize("user", [None, "nobody"])
def test_a_server_ends_when_the_process_that_started_it_is_killed(tmp_path, user):
    if user and os.geteuid() != 0:
        user = None  # nobody but root can become another
    start = """
import sys, time
from pathlib import Path
from ops.cdc.register import Refused
from ops.servers.capture import Postgres
from ops.servers.process import Server
class Ready(Server):
    user = sys.argv[2] or None
    def ready(self): return "up" in self.printed()
sleep = ["/bin/sh", "-c", "echo up; exec sleep 60"]
print(Ready(sleep, Path(sys.argv[1]), {}).start().pid, flush=True)
time.sleep(60)
"""
    command = [sys.executable, "-c", start, str(tmp_path), user or ""]
    parent = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    with parent:
        server = int(parent.stdout.readline())
        os.kill(parent.pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while _runs(server):
        assert time.monotonic() < deadline, "the server outlived its parent"
        time.sleep(0.05)


def _runs(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_free_ports_are_neighbours_that_nothing_listens_on():
    assert len({free_ports(2) for _ in range(20)}) > 1
