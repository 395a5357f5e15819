"""Gives Kafka Connect a connector, or a changed configuration of it, and returns when it runs.

    python register.py http://connect:8083 cms connector.json

Needs Python's standard library only. Exits 1, saying what Connect said, where the connector can't run.
"""

from __future__ import annotations

import json
import sys
import time
import urllib.error
import urllib.request
from http import HTTPStatus
from pathlib import Path
from typing import Any

PATIENCE_S = 120.0
LOOK_S = 0.5
FAILURES = 6
"""Looks at which it has failed: the first may still see the task that a new configuration replaces."""
LATER = {HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT}
"""What Connect says while it rebalances, or has not heard yet of what it was given."""


class Refused(RuntimeError):
    """Connect does not take it, or the connector fails: the message says why."""


def ask(url: str, body: bytes | None = None) -> Any:
    """What Connect answers: to a GET, or, with a body, to a PUT. None where it is to be asked later."""
    method = "GET" if body is None else "PUT"
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(url, body, headers, method=method)  # noqa: S310 - the user's own server
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(request, timeout=PATIENCE_S) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        if error.code in LATER:
            return None
        raise Refused(f"{method} {url}: {error.code} {error.read().decode(errors='replace')}") from error


def register(url: str, name: str, config: bytes) -> None:
    """Gives Connect the connector, and returns when it runs. Raises `Refused`."""
    until = time.monotonic() + PATIENCE_S
    while ask(f"{url}/connectors/{name}/config", config) is None:
        if time.monotonic() > until:
            raise Refused(f"Connect took no connector for {PATIENCE_S:g} s")
        time.sleep(LOOK_S)
    await_running(url, name)


def await_running(url: str, name: str) -> None:
    """Returns when the connector and its task run. Raises `Refused` where they fail, or never do."""
    until, failures = time.monotonic() + PATIENCE_S, 0
    while time.monotonic() < until:
        status = ask(f"{url}/connectors/{name}/status")
        parts = [status["connector"], *status["tasks"]] if status else []
        if failed := [part for part in parts if part["state"] == "FAILED"]:
            failures += 1
            if failures == FAILURES:
                raise Refused(f"the connector {name} failed: {failed[0].get('trace')}")
        elif len(parts) > 1 and all(part["state"] == "RUNNING" for part in parts):
            return
        time.sleep(LOOK_S)
    raise Refused(f"the connector {name} does not run after {PATIENCE_S:g} s")


def main() -> None:
    """The command line."""
    url, name, file = sys.argv[1:]
    try:
        register(url, name, Path(file).read_bytes())
    except (Refused, OSError) as error:
        sys.exit(str(error))
    print(f"the connector {name} runs")  # noqa: T201 - the command's output


if __name__ == "__main__":
    main()
