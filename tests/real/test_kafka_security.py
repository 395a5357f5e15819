"""The program on a Kafka with TLS and passwords: it works, or it stops within ten seconds and says why."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from datetime import timedelta

import pytest

from ops.servers.launch import Kafka
from ops.servers.process import HOST, free_ports
from tests.bench.index import stub
from tests.bench.workers import Worker
from tests.certificates import Authority

PASSWORD = "the-right-password-7d1f"
WRONG = "a-wrong-password-93ac"
STOPS_WITHIN_S = 10
SECURE, EXPIRED, ELSEWHERE = "SECURE", "EXPIRED", "ELSEWHERE"


class Secured(Kafka):
    """A broker that lets clients in by TLS and a password: `at` names its listeners' addresses."""

    def __init__(self, folder, files):
        super().__init__(folder)
        first = free_ports(len(files))
        self.at = {name: f"{HOST}:{first + number}" for number, name in enumerate(files)}
        listeners = [self.properties["listeners"], *(f"{name}://{at}" for name, at in self.at.items())]
        module = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        plain = "org.apache.kafka.common.security.plain.PlainLoginModule"
        self.properties |= {
            "listeners": ",".join(listeners),
            "listener.security.protocol.map": ",".join(
                [self.properties["listener.security.protocol.map"], *(f"{name}:SASL_SSL" for name in files)]
            ),
            "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-512",
        }
        for name, file in files.items():
            listener = f"listener.name.{name.lower()}"
            self.properties |= {
                f"{listener}.ssl.keystore.type": "PEM",
                f"{listener}.ssl.keystore.location": str(file),
                f"{listener}.plain.sasl.jaas.config": f'{plain} required user_me="{PASSWORD}";',
                f"{listener}.scram-sha-512.sasl.jaas.config": module,
            }

    def _format(self):
        scram = f"SCRAM-SHA-512=[name=me,password={PASSWORD}]"
        self._tool(
            "format", "--standalone", "-t", self._tool("random-uuid"), "-c", str(self._config), "-S", scram
        )


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def broker(tmp_path_factory, authority, kafka):
    files = {
        SECURE: authority.server("secure"),
        EXPIRED: authority.server("expired", ends=-timedelta(days=1)),
        ELSEWHERE: authority.server("elsewhere", host="192.0.2.7"),
    }
    with Secured(tmp_path_factory.mktemp("secured"), files) as server:
        yield server


@pytest.fixture
def environ(tmp_path, broker, authority):
    password = tmp_path / "password"
    password.write_text(f"{PASSWORD}\n")
    return {
        "STREAMS_KAFKA_BOOTSTRAP_SERVERS": broker.at[SECURE],
        "STREAMS_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
        "STREAMS_KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
        "STREAMS_KAFKA_SASL_USERNAME": "me",
        "STREAMS_KAFKA_SASL_PASSWORD_FILE": str(password),
        "STREAMS_KAFKA_SSL_CAFILE": str(authority.file),
        "STREAMS_STORE": "sqlite",
        "STREAMS_SQLITE_PATH": str(tmp_path / "index.db"),
        "STREAMS_STATE_DIR": str(tmp_path / "state"),
        "STREAMS_GENERATE_MODEL": "stub",
        "STREAMS_FALLBACK_MODEL": "stub",
        "STREAMS_EMBED_MODEL": "stub-embed",
        "STREAMS_EMBED_DIMENSION": "384",
        "STREAMS_SIMILARITY_THRESHOLD": "0",
    }


def run(environ, *words):
    """What a command said, its exit code, and the seconds that it took."""
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "streams", *words],
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.stdout + done.stderr, done.returncode, time.monotonic() - began


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-512", "PLAIN"])
def test_documents_and_answers_go_through_tls_with_the_right_password(environ, mechanism, tmp_path):
    environ |= {"STREAMS_KAFKA_SASL_MECHANISM": mechanism, "STREAMS_GROUP": mechanism}
    page = tmp_path / "page.md"
    page.write_text("The door of the archive opens at nine.")
    with stub(embed_ms=1) as url:
        environ["STREAMS_OLLAMA_URL"] = url
        assert run(environ, "topics", "create")[1] == 0
        worker = Worker(tmp_path, environ).start()
        try:
            worker.ready()
            said, code, _ = run(environ, "put", str(page), "--wait", "--json")
            assert code == 0, said
            said, code, _ = run(environ, "ask", "When does the archive open?", "--json")
            assert code == 0, said
            assert json.loads(said.splitlines()[-1])["type"] == "answer.completed"
        finally:
            worker.stop()
        assert PASSWORD not in worker.tail(10_000)


def wrong_password(environ, broker, tmp_path):
    return {"STREAMS_KAFKA_SASL_PASSWORD": WRONG, "STREAMS_KAFKA_SASL_PASSWORD_FILE": ""}


def expired(environ, broker, tmp_path):
    return {"STREAMS_KAFKA_BOOTSTRAP_SERVERS": broker.at[EXPIRED]}


def for_another_host(environ, broker, tmp_path):
    return {"STREAMS_KAFKA_BOOTSTRAP_SERVERS": broker.at[ELSEWHERE]}


def not_trusted(environ, broker, tmp_path):
    return {"STREAMS_KAFKA_SSL_CAFILE": str(Authority(tmp_path, "another").file)}


WRONGS = [
    (wrong_password, "STREAMS_KAFKA_SASL_PASSWORD", 2),
    (expired, "certificate has expired", 2),
    (for_another_host, "STREAMS_KAFKA_BOOTSTRAP_SERVERS", 2),
    (not_trusted, "STREAMS_KAFKA_SSL_CAFILE", 2),
]


@pytest.fixture(scope="module")
def startup():
    """Seconds that a command takes which connects to nothing."""
    return run({}, "schemas", "check")[2]


@pytest.mark.parametrize("words", [("worker",), ("topics", "check"), ("ask", "What?")], ids=" ".join)
@pytest.mark.parametrize(("wrong", "said", "code"), WRONGS, ids=lambda one: getattr(one, "__name__", ""))
def test_what_a_person_must_mend_is_said_at_once_and_no_secret_with_it(
    environ, broker, startup, tmp_path, words, wrong, said, code
):
    environ |= wrong(environ, broker, tmp_path)
    environ = {name: value for name, value in environ.items() if value}
    told, exit_code, seconds = run({**environ, "STREAMS_LOG_LEVEL": "debug"}, *words)
    assert (exit_code, said in told) == (code, True), told
    assert PASSWORD not in told
    assert WRONG not in told
    assert "Traceback" not in told
    assert seconds - startup < STOPS_WITHIN_S


def test_a_broker_that_wants_tls_is_taken_for_one_that_is_not_there_and_the_setting_is_named(environ):
    """It says nothing, and closes the connection: so does one that restarts, for which a worker waits."""
    told, code, _ = run({**environ, "STREAMS_KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT"}, "topics", "check")
    assert (code, "STREAMS_KAFKA_SECURITY_PROTOCOL" in told) == (3, True), told
    assert PASSWORD not in told
