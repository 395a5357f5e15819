"""Change data capture: PostgreSQL, and Kafka Connect with Debezium's connectors.

with Postgres(Path("/tmp/db")) as db, Connect(Path("/tmp/connect"), kafka.bootstrap) as connect:
    connect.put("shop", {"connector.class": "io.debezium.connector.postgresql.PostgresConnector", …})
"""

from __future__ import annotations

import json
import signal
import time
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from ops.cdc.register import ask, await_running, register
from ops.servers.database import Database
from ops.servers.launch import java, servers_folder
from ops.servers.process import HOST, Server, answers, free_ports


class Postgres(Database):
    """A cluster with logical decoding on; its superuser is `postgres`.

    `freeze` and `kill` are for its first process alone. `parameters` overrides or adds to postgresql.conf.
    """

    name = "postgres"
    account = "postgres"
    says_ready = "ready to accept connections"
    ends_by = signal.SIGINT  # a fast shutdown: it waits for no client

    def __init__(self, folder: Path, parameters: Mapping[str, str] | None = None) -> None:
        # Not through the link: it lies where nobody but its owner may look.
        self.programs = (servers_folder() / "postgres" / "bin").resolve()
        self._parameters = dict(parameters or {})
        super().__init__(folder)

    def serving(self) -> list[str]:
        """As said above."""
        set_ = {
            "listen_addresses": HOST,
            "port": str(self.port),
            "unix_socket_directories": "",
            "wal_level": "logical",
            "max_wal_senders": "10",
            "max_replication_slots": "10",
        } | self._parameters
        options = [part for name, value in set_.items() for part in ("-c", f"{name}={value}")]
        return [str(self.programs / "postgres"), "-D", str(self.data), *options]

    def making(self) -> list[str]:
        """As said above."""
        return [
            str(self.programs / "initdb"), "-D", str(self.data), "-U", "postgres", "--auth=trust",
            "-E", "UTF8", "--locale=C", "--no-sync",
        ]  # fmt: skip

    def dsn(self, database: str = "postgres") -> str:
        """How psycopg connects."""
        return f"host={HOST} port={self.port} user=postgres dbname={database}"


class Connect(Server):
    """One distributed worker of Kafka Connect that has Debezium's plugin; a restart resumes its connectors.

    `properties` overrides or adds to the worker's configuration; `plugins` are what `install` calls them.
    """

    name = "connect"
    ready_seconds = 120.0

    def __init__(
        self,
        folder: Path,
        bootstrap: str,
        properties: Mapping[str, str] | None = None,
        env: Mapping[str, str] | None = None,
        heap: str = "512m",
        plugins: Sequence[str] = ("debezium",),
    ) -> None:
        self.port = free_ports()
        self.url = f"http://{HOST}:{self.port}"
        self.properties = self._defaults(bootstrap, plugins) | dict(properties or {})
        self._config = folder / "connect.properties"
        main = "org.apache.kafka.connect.cli.ConnectDistributed"
        super().__init__([*java(heap), main, str(self._config)], folder, env or {})

    def _defaults(self, bootstrap: str, plugins: Sequence[str]) -> dict[str, str]:
        name = f"connect-{self.port}"
        topics = {
            f"{kind}.storage.{part}": value
            for kind in ("config", "offset", "status")
            for part, value in (("topic", f"{name}.{kind}"), ("replication.factor", "1"))
        }
        return {
            "bootstrap.servers": bootstrap,
            "group.id": name,
            **topics,
            "offset.storage.partitions": "1",
            "status.storage.partitions": "1",
            "key.converter": "org.apache.kafka.connect.json.JsonConverter",
            "value.converter": "org.apache.kafka.connect.json.JsonConverter",
            "key.converter.schemas.enable": "false",
            "value.converter.schemas.enable": "false",
            "listeners": self.url,
            "plugin.path": ",".join(str(servers_folder() / plugin) for plugin in plugins),
            "plugin.discovery": "service_load",
            # What a killed worker did is taken over once it is missed, not five minutes later.
            "scheduled.rebalance.max.delay.ms": "0",
            "session.timeout.ms": "6000",
            "heartbeat.interval.ms": "1000",
        }

    def start(self) -> Self:
        """As any server; the first time, its configuration is written."""
        if not self._config.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            self._config.write_text("".join(f"{name}={value}\n" for name, value in self.properties.items()))
        return super().start()

    def ready(self) -> bool:
        """It lists its connectors, which it does once it has read what it is to run."""
        return answers(f"{self.url}/connectors")

    def put(self, name: str, config: Mapping[str, str]) -> None:
        """Makes or changes a connector, and returns when it and its task run. Raises `Refused`."""
        register(self.url, name, json.dumps(dict(config)).encode())

    def running(self, name: str) -> None:
        """Returns when a connector that it has been given runs, as after a restart. Raises `Refused`."""
        await_running(self.url, name)

    def stop_connector(self, name: str) -> None:
        """Stops a connector, and returns when its task has ended."""
        self._tell("PUT", f"{name}/stop")
        while ask(f"{self.url}/connectors/{name}/status")["tasks"]:
            time.sleep(0.1)

    def forget(self, name: str) -> None:
        """Stops a connector and forgets how far it got: resumed, it begins by a snapshot."""
        self.stop_connector(name)
        self._tell("DELETE", f"{name}/offsets")

    def offsets(self, name: str) -> list[Any]:
        """How far a connector has written that it got, as `rewind` takes it."""
        offsets: list[Any] = ask(f"{self.url}/connectors/{name}/offsets")["offsets"]
        return offsets

    def rewind(self, name: str, offsets: Sequence[Any]) -> None:
        """Stops a connector and has it forget what it did since: resumed, it sends that again."""
        self.stop_connector(name)
        self._tell("PATCH", f"{name}/offsets", {"offsets": list(offsets)})

    def past_snapshot(self, name: str) -> None:
        """Returns when a connector has written that it is past its snapshot: a crash does not repeat it."""
        while not any(one["offset"] and "snapshot" not in one["offset"] for one in self.offsets(name)):
            time.sleep(0.2)

    def resume(self, name: str) -> None:
        """Has a stopped connector go on, and returns when it runs."""
        self._tell("PUT", f"{name}/resume")
        await_running(self.url, name)

    def _tell(self, method: str, path: str, said: Mapping[str, Any] | None = None) -> None:
        request = urllib.request.Request(  # noqa: S310 - ours
            f"{self.url}/connectors/{path}",
            method=method,
            data=None if said is None else json.dumps(said).encode(),
            headers={"Content-Type": "application/json"},
        )
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request).close()
