"""Starts Apicurio's schema registry, which speaks Confluent's API, on a free port; its data are in memory."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ops.servers.launch import servers_folder
from ops.servers.process import HOST, Server, answers, free_ports


class Apicurio(Server):
    """One registry. `url` is the address of Confluent's API; a restart forgets every schema."""

    name = "apicurio"
    ready_seconds = 120.0

    def __init__(self, folder: Path, env: Mapping[str, str] | None = None) -> None:
        self.port = free_ports()
        self.url = f"http://{HOST}:{self.port}/apis/ccompat/v7"
        defaults = {"QUARKUS_HTTP_HOST": HOST, "QUARKUS_HTTP_PORT": str(self.port)}
        (jar,) = (servers_folder() / "apicurio").glob("apicurio-registry-app-*-runner.jar")
        super().__init__(["java", "-Xmx256m", "-jar", str(jar)], folder, defaults | dict(env or {}))

    def ready(self) -> bool:
        """Its own readiness probe says so."""
        return answers(f"http://{HOST}:{self.port}/health/ready")
