"""Real servers for the tests: one of each a session, and fresh ones for tests that break them.

`kafka` (the bootstrap address), `weaviate` (`.url`, `.grpc_port`), `ollama` (the URL; MiniLM and
SmolLM2 are there), `postgres` (`.dsn()`) and `mariadb` (`.sql()`) last the session. `kafka_broker`,
`weaviate_server` and `ollama_server` are the test's own, to `.kill()`, `.start()`, `.freeze()` and
`.thaw()`; `new_kafka` starts brokers with properties of their own:
`new_kafka(**{"message.max.bytes": "1000000"})`, `new_connect` workers of Kafka Connect that have Debezium:
`new_connect(kafka)`. `topic` is a name that no other test uses.
"""

from __future__ import annotations

import re
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import TypeVar

import pytest

from ops.servers.capture import Connect, Postgres
from ops.servers.launch import Kafka, Ollama, Server, Weaviate, servers_folder
from ops.servers.mariadb import MariaDb
from ops.servers.ollama_models import import_models
from ops.servers.registry import Apicurio
from tests.conftest import lacking

S = TypeVar("S", bound=Server)

_started: list[Server] = []


def _require(name: str, *path: str) -> None:
    if not servers_folder().joinpath(name, *path).exists():
        lacking(f"{name} is not installed in {servers_folder()}: run `make servers`")


def require_kafka() -> None:
    _require("kafka", "libs")
    if shutil.which("java") is None:
        lacking("no java on the PATH: Kafka needs Java 17 or newer")


@contextmanager
def _running(server: S) -> Iterator[S]:
    _started.append(server)
    try:
        yield server.start()
    finally:
        server.thaw()
        server.stop()
        _started.remove(server)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """A failed test's report ends with what the servers wrote last."""
    report = yield
    if report.failed:
        report.sections.extend((f"{server.name} log ({server.log})", server.tail()) for server in _started)
    return report


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The bootstrap address of a broker that all tests share: make topics of your own, see `topic`."""
    require_kafka()
    with _running(Kafka(tmp_path_factory.mktemp("kafka"))) as broker:
        yield broker.bootstrap


@pytest.fixture(scope="session")
def weaviate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Weaviate]:
    """A Weaviate that all tests share: make collections or tenants of your own."""
    _require("weaviate", "weaviate-server")
    with _running(Weaviate(tmp_path_factory.mktemp("weaviate"))) as server:
        yield server


@pytest.fixture(scope="session")
def ollama(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of an Ollama that has the two small models."""
    _require("ollama", "ollama")
    with _running(Ollama(tmp_path_factory.mktemp("ollama"))) as server:
        import_models(server.url)
        yield server.url


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A PostgreSQL that all tests share: make databases of your own."""
    _require("postgres", "bin")
    with _running(Postgres(tmp_path_factory.mktemp("postgres"))) as server:
        yield server


@pytest.fixture(scope="session")
def mariadb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDb]:
    """A MariaDB that all tests share: make databases of your own."""
    _require("mariadb", "bin")
    with _running(MariaDb(tmp_path_factory.mktemp("mariadb"))) as server:
        yield server


@pytest.fixture(scope="module")
def new_connect(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Connect]]:
    """Starts workers of Kafka Connect, on the broker that is passed, with properties over the usual ones."""
    require_kafka()
    with ExitStack() as running:

        def start(
            bootstrap: str,
            env: Mapping[str, str] | None = None,
            plugins: Sequence[str] = ("debezium",),
            **properties: str,
        ) -> Connect:
            for plugin in plugins:
                _require(plugin)
            folder = tmp_path_factory.mktemp("connect")
            worker = Connect(folder, bootstrap, properties, env, plugins=plugins)
            return running.enter_context(_running(worker))

        yield start


@pytest.fixture(scope="session")
def apicurio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Apicurio]:
    """A schema registry that all tests share: register subjects of your own."""
    _require("apicurio")
    with _running(Apicurio(tmp_path_factory.mktemp("apicurio"))) as server:
        yield server


@pytest.fixture
def apicurio_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Apicurio]:
    """A schema registry of the test's own, to be stopped and started again."""
    _require("apicurio")
    with _running(Apicurio(tmp_path_factory.mktemp("apicurio"))) as server:
        yield server


@pytest.fixture
def new_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Kafka]]:
    """Starts brokers of the test's own, with properties that go over the usual ones."""
    require_kafka()
    with ExitStack() as running:

        def start(**properties: str) -> Kafka:
            broker = Kafka(tmp_path_factory.mktemp("broker"), properties)
            return running.enter_context(_running(broker))

        yield start


@pytest.fixture
def kafka_broker(new_kafka: Callable[..., Kafka]) -> Kafka:
    """A broker of the test's own, to be killed and started again."""
    return new_kafka()


@pytest.fixture
def weaviate_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Weaviate]:
    """A Weaviate of the test's own, to be killed and started again."""
    _require("weaviate", "weaviate-server")
    with _running(Weaviate(tmp_path_factory.mktemp("weaviate"))) as server:
        yield server


@pytest.fixture
def ollama_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ollama]:
    """An Ollama of the test's own with the two small models, to be killed and started again."""
    _require("ollama", "ollama")
    with _running(Ollama(tmp_path_factory.mktemp("ollama"))) as server:
        import_models(server.url)
        yield server


@pytest.fixture
def topic(request: pytest.FixtureRequest) -> str:
    """A topic name of the test's own, legal and readable."""
    return f"{re.sub(r'[^a-zA-Z0-9._-]', '-', request.node.name)[:150]}-{uuid.uuid4().hex[:8]}"
