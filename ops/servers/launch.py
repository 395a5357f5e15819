"""Starts what `install` installed: Kafka, Weaviate and Ollama, on free ports of this machine.

    with Kafka(Path("/tmp/one")) as kafka:
        ... kafka.bootstrap

Data and logs lie in the folder that is passed; only Ollama's models lie beside the servers, so that
they are imported once.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import subprocess
from collections.abc import Mapping
from pathlib import Path

from ops.servers.process import HOST, Server, ServerFailed, answers, free_ports, listens


def servers_folder() -> Path:
    """Where `install` puts the servers."""
    loader = importlib.machinery.SourceFileLoader("install", str(Path(__file__).with_name("install")))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec is not None  # noqa: S101 - a loader was given
    script = importlib.util.module_from_spec(spec)
    loader.exec_module(script)
    return Path(script.folder())


def java(heap: str) -> list[str]:
    """The command that runs a class of Kafka's jars: the class and its arguments follow."""
    jars = servers_folder() / "kafka" / "libs" / "*"
    return ["java", f"-Xmx{heap}", "-Dorg.slf4j.simpleLogger.showDateTime=true", "-cp", str(jars)]


class Kafka(Server):
    """One broker that is its own controller (KRaft). `properties` overrides or adds to server.properties.

    It listens at `port` and, as a controller, at the next one.
    """

    name = "kafka"

    def __init__(
        self,
        folder: Path,
        properties: Mapping[str, str] | None = None,
        heap: str = "512m",
        port: int | None = None,
    ) -> None:
        self.port = port or free_ports(2)
        self.bootstrap = f"{HOST}:{self.port}"
        self.properties = self._defaults(folder) | dict(properties or {})
        self._config = folder / "server.properties"
        super().__init__([*java(heap), "kafka.Kafka", str(self._config)], folder, {})

    def _defaults(self, folder: Path) -> dict[str, str]:
        controller = f"{HOST}:{self.port + 1}"
        return {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.bootstrap.servers": controller,
            "listeners": f"PLAINTEXT://{self.bootstrap},CONTROLLER://{controller}",
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
            "log.dir": str(folder / "data"),
            "auto.create.topics.enable": "false",
            "offsets.topic.num.partitions": "4",
            "offsets.topic.replication.factor": "1",
            "transaction.state.log.num.partitions": "4",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "share.coordinator.state.topic.replication.factor": "1",
            "share.coordinator.state.topic.min.isr": "1",
            "group.initial.rebalance.delay.ms": "0",
            # A broker that was killed may come back once its old session is over: 9 s by default.
            "broker.heartbeat.interval.ms": "500",
            "broker.session.timeout.ms": "4000",
        }

    def begin(self) -> None:
        """As any server; the first time, the folder is formatted."""
        self.prepare()
        super().begin()

    def prepare(self) -> None:
        """Formats the folder, the first time."""
        if not self._config.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            self._config.write_text("".join(f"{name}={value}\n" for name, value in self.properties.items()))
            self._format()

    def _format(self) -> None:
        self._tool("format", "--standalone", "-t", self._tool("random-uuid"), "-c", str(self._config))

    def _tool(self, *arguments: str) -> str:
        done = subprocess.run(  # noqa: S603 - the command is ours
            [*java("128m"), "kafka.tools.StorageTool", *arguments],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise ServerFailed(
                f"kafka's storage tool failed: {' '.join(arguments[:1])}\n{done.stdout}{done.stderr}"
            )
        return done.stdout.strip()

    def ready(self) -> bool:
        """The broker says that it started, and listens."""
        return "Kafka Server started" in self.printed() and listens(self.port)


class Weaviate(Server):
    """One node. `env` overrides or adds to its environment (an API key, a limit)."""

    name = "weaviate"

    def __init__(self, folder: Path, env: Mapping[str, str] | None = None) -> None:
        self.http_port, self.grpc_port = free_ports(), free_ports()
        self.url = f"http://{HOST}:{self.http_port}"
        binary = servers_folder() / "weaviate" / "weaviate-server"
        address = ["--scheme", "http", "--host", HOST, "--port", str(self.http_port)]
        super().__init__([str(binary), *address], folder, self._defaults(folder) | dict(env or {}))

    def _defaults(self, folder: Path) -> dict[str, str]:
        gossip, raft = free_ports(2), free_ports(2)
        return {
            "PERSISTENCE_DATA_PATH": str(folder / "data"),
            "AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED": "true",
            "DEFAULT_VECTORIZER_MODULE": "none",
            "ENABLE_MODULES": "",
            "API_BASED_MODULES_DISABLED": "true",
            "DISABLE_TELEMETRY": "true",
            "CLUSTER_HOSTNAME": "node1",
            "CLUSTER_IN_LOCALHOST": "true",
            "CLUSTER_BIND_ADDR": HOST,
            "CLUSTER_ADVERTISE_ADDR": HOST,
            "CLUSTER_GOSSIP_BIND_PORT": str(gossip),
            "CLUSTER_DATA_BIND_PORT": str(gossip + 1),
            "RAFT_PORT": str(raft),
            "RAFT_INTERNAL_RPC_PORT": str(raft + 1),
            "RAFT_JOIN": f"node1:{raft}",
            "RAFT_BOOTSTRAP_EXPECT": "1",
            "GRPC_PORT": str(self.grpc_port),
            "GO_PROFILING_DISABLE": "true",
        }

    def ready(self) -> bool:
        """Its own readiness probe says so, and the gRPC port listens."""
        return answers(f"{self.url}/v1/.well-known/ready") and listens(self.grpc_port)


class Ollama(Server):
    """The model server, with whatever models the shared folder holds."""

    name = "ollama"

    def __init__(
        self, folder: Path, env: Mapping[str, str] | None = None, models: Path | None = None
    ) -> None:
        self.port = free_ports()
        self.url = f"http://{HOST}:{self.port}"
        defaults = {
            "HOME": str(folder),
            "OLLAMA_HOST": f"{HOST}:{self.port}",
            "OLLAMA_MODELS": str(models or servers_folder() / "models"),
            # Another process may be importing into the same folder: what it has no manifest for yet stays.
            "OLLAMA_NOPRUNE": "1",
            "OLLAMA_KEEP_ALIVE": "30m",
        }
        binary = servers_folder() / "ollama" / "ollama"
        super().__init__([str(binary), "serve"], folder, defaults | dict(env or {}))

    def ready(self) -> bool:
        """It lists its models."""
        return answers(f"{self.url}/api/tags")
