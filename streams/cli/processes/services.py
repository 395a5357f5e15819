"""The worker and the gateway as services of `up`: their commands, their settings, and when they are ready."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from streams.embedded.ports import HOST
from streams.embedded.supervisor import Service
from streams.settings.names import PREFIX

READY_S = 90.0
STOP_S = 20.0
ANSWER_S = 6.0


def worker(given: Mapping[str, Any], cwd: Path | None, port: int) -> Service:
    """A worker of the settings `given`, beside those that it finds itself in `cwd`."""
    return _service("worker", os.environ, given, cwd, "METRICS", port)


def gateway(given: Mapping[str, Any], cwd: Path | None, port: int) -> Service:
    """A gateway, likewise. A port for metrics that the environment names is the worker's."""
    kept = {name: value for name, value in os.environ.items() if name != f"{PREFIX}METRICS_PORT"}
    return _service("gateway", kept, given, cwd, "GATEWAY", port)


def _service(
    name: str, kept: Mapping[str, str], given: Mapping[str, Any], cwd: Path | None, serves: str, port: int
) -> Service:
    environ = {f"{PREFIX}{setting.upper()}": str(value) for setting, value in given.items()}
    environ |= {f"{PREFIX}{serves}_PORT": str(port), f"{PREFIX}{serves}_HOST": HOST}
    return Service(
        name,
        (sys.executable, "-m", "streams", name),
        partial(_ready, f"http://{HOST}:{port}/readyz"),
        env=dict(kept) | environ,
        cwd=cwd,
        ready_s=READY_S,
        stop_s=STOP_S,
    )


async def _ready(url: str) -> bool:
    try:
        # No proxy can reach this machine's own loopback.
        async with httpx.AsyncClient(trust_env=False, timeout=ANSWER_S) as http:
            return (await http.get(url)).is_success
    except httpx.HTTPError:
        return False
