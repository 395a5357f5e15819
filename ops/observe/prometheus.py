"""A Prometheus of one's own: it scrapes workers on this machine, evaluates the rules, and is asked."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ops.servers.process import HOST, Server, answers, free_ports

RULES = Path(__file__).with_name("rules.yml")


class Prometheus(Server):
    """Scrapes these ports every `every_s` seconds, and evaluates the rules as often.

    The program is Debian's package `prometheus`, or whatever `prometheus` is on the PATH.
    """

    name = "prometheus"

    def __init__(self, folder: Path, ports: Sequence[int], *, every_s: int = 2) -> None:
        self.port = free_ports()
        self.url = f"http://{HOST}:{self.port}"
        self._config = folder / "prometheus.json"
        folder.mkdir(parents=True, exist_ok=True)
        self._config.write_text(json.dumps(_config(ports, every_s)), encoding="utf-8")
        command = [
            "prometheus",
            f"--config.file={self._config}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address={HOST}:{self.port}",
        ]
        super().__init__(command, folder, {})

    def ready(self) -> bool:
        """Whether it takes queries, and has scraped somebody."""
        return answers(f"{self.url}/-/ready") and bool(self.query("up == 1"))

    def query(self, expr: str) -> Sequence[Mapping[str, Any]]:
        """The series that an expression has now. Raises `ValueError` with what Prometheus says is wrong."""
        found: Sequence[Mapping[str, Any]] = self.ask("query", query=expr)["result"]
        return found

    def range(self, expr: str, begin: float, end: float, step_s: float) -> Sequence[Mapping[str, Any]]:
        """The series that an expression had, `begin` to `end` in Unix time."""
        asked = {"query": expr, "start": str(begin), "end": str(end), "step": str(step_s)}
        found: Sequence[Mapping[str, Any]] = self.ask("query_range", **asked)["result"]
        return found

    def rules(self) -> Sequence[Mapping[str, Any]]:
        """The alerts as they stand: name, state, health, last error."""
        return [rule for group in self.ask("rules")["groups"] for rule in group["rules"]]

    def ask(self, what: str, **asked: str) -> Mapping[str, Any]:
        """The data of an answer of its API."""
        url = f"{self.url}/api/v1/{what}?{urllib.parse.urlencode(asked)}"
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(url, timeout=30) as response:
                said: Mapping[str, Any] = json.load(response)["data"]
                return said
        except urllib.error.HTTPError as error:
            raise ValueError(f"{asked}: {json.load(error)['error']}") from None


def _config(ports: Sequence[int], every_s: int) -> Mapping[str, Any]:
    every = f"{every_s}s"
    return {
        "global": {"scrape_interval": every, "scrape_timeout": every, "evaluation_interval": every},
        "rule_files": [str(RULES)],
        "scrape_configs": [
            {
                "job_name": "rag-streams",
                "static_configs": [{"targets": [f"{HOST}:{port}" for port in ports]}],
            }
        ],
    }
